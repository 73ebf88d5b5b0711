package pgconn

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// InTransaction calls fn in a transaction of its own. Read committed is what
// the import relies on, whatever the server's default: each statement sees
// what those committed for whose locks it waited.
func InTransaction(ctx context.Context, on beginner, fn func(*sql.Tx) error) error {
	tx, err := on.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if pq.As(err, pqerror.FeatureNotSupported) != nil {
		return fmt.Errorf("%w: %w", errStandby, err) // which does not begin READ WRITE
	}
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	// lib/pq begins every transaction READ WRITE; a server that an operator has
	// made read-only stays so. And arrays of ours have NULLs.
	const honour = `SELECT set_config('transaction_read_only', current_setting('default_transaction_read_only'), true),
		set_config('array_nulls', 'on', true)`
	if _, err := tx.ExecContext(ctx, honour); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Look calls fn in a transaction that cannot write.
func (db *DB) Look(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.Pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	return fn(tx)
}

// beginner is a pool of connections, or one of them.
type beginner interface {
	BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error)
}

package schema

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/pgconn"
)

//go:embed head/*.sql
var headFiles embed.FS

// ErrNoHead says that the database has rows of its own.
var ErrNoHead = errors.New("the database has tables of psql-sink: a head asks such databases, and needs one of its own")

// InstallHead makes the database a head, or brings its functions up to date: it has the
// functions of databases with rows, asks these, which are its shards, and sums up. Like
// Install, it is one transaction. The first time, only a superuser can.
func (db *DB) InstallHead(ctx context.Context) error {
	err := pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error { return installHead(ctx, tx) })
	switch {
	case pq.As(err, pqerror.InsufficientPrivilege) != nil:
		return fmt.Errorf("making the database a head takes a superuser the first time, and then the owner of its functions: %w", err)
	case err != nil:
		return fmt.Errorf("making the database a head: %w", err)
	}
	return nil
}

const (
	hasTables = `SELECT to_regclass('vpn_traffic_migrations') IS NOT NULL`

	// Types and views of the files come after functions that use them.
	checkLater = `SET LOCAL check_function_bodies = off`

	pinHead = `SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)`
)

func installHead(ctx context.Context, tx *sql.Tx) error {
	var tables bool
	if err := tx.QueryRowContext(ctx, hasTables).Scan(&tables); err != nil {
		return err
	}
	if tables {
		return ErrNoHead
	}
	for _, prepare := range [...]string{pinHead, checkLater} {
		if _, err := tx.ExecContext(ctx, prepare); err != nil {
			return err
		}
	}
	return installFunctions(ctx, tx, headFunctions())
}

// headFunctions are what only a superuser can do, the functions of any database, except
// for what writes, and then what a head has instead.
func headFunctions() []sqlFile {
	own := filesOf(headFiles, "head")
	files := own[:1:1]
	for _, f := range filesOf(functionFiles, "functions") {
		if !slices.Contains([]string{"partitions.sql", "status.sql", "sums.sql"}, f.name) {
			files = append(files, f)
		}
	}
	return append(files, own[1:]...)
}

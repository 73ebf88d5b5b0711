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

	"telegraf-conntrack-accounting/internal/check"
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

// isHead reports whether the database is a head.
func (db *DB) isHead(ctx context.Context) (head bool) {
	_ = db.Look(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT to_regprocedure('vpn_traffic_shards()') IS NOT NULL`).Scan(&head)
	})
	return head
}

// checkHead finds out whether the functions of a head are of this version.
func checkHead(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var same bool
	err := tx.QueryRowContext(ctx, `SELECT split_part(vpn_traffic_functions(), ' ', 1) = $1`, versionOfFiles(headFunctions())).Scan(&same)
	if !same {
		return check.Warnf("head", "its functions are of another version than this psql-sink").Do("have its owner run psql-sink migrate -head"), err
	}
	return check.Okf("head", "the database is a head, of this version: sinks write to its shards"), err
}

// checkShards finds out which shards answer.
func checkShards(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var count, silent int
	var reasons sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM vpn_traffic_shards()), count(*), string_agg(shard || ' (' || reason || ')', ', ')
		FROM vpn_traffic_silent()`).Scan(&count, &silent, &reasons)
	switch {
	case count == 0:
		return check.Failf("shards", "there are none").Do("make a server of dblink_fdw for each, and a user mapping for the owner of the functions"), err
	case silent > 0:
		return check.Failf("shards", "%d of %d do not answer: %s", silent, count, reasons.String).Do("start them, or mend their servers and user mappings in this database"), err
	}
	return check.Okf("shards", "all of %d answer", count), err
}

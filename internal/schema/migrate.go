package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/pgconn"
)

// ErrOldTable says that the database holds the table of the old importer.
var ErrOldTable error = notReady("vpn_traffic is the old importer's table, which this version cannot use: run psql-sink upgrade, which keeps its rows, or name another database or search_path in dsn")

// ErrForeignTable says that somebody else has something of that name.
var ErrForeignTable error = notReady("there is a vpn_traffic that is neither this version's table nor the old importer's: rename it, or name another database or search_path in dsn")

// ErrEncoding says that the database cannot hold all texts.
var ErrEncoding error = notReady("the database has to be of the encoding UTF8: make it with createdb --template=template0 --encoding=UTF8")

// ErrNotMigrated says that the schema is not as this version needs it, and that
// the role has no right to change that.
var ErrNotMigrated error = notReady(`have its owner run "psql-sink migrate"`)

// notReady is an error that keeps this version from using the schema.
type notReady string

func (n notReady) Error() string { return string(n) }

// Is says that it is one of pgconn.ErrNotReady's kind.
func (notReady) Is(kind error) bool { return kind == pgconn.ErrNotReady }

// Migrate brings the schema up to this version's, as Install does. Several
// processes may do so at once. It does nothing, and needs no right to, when there
// is nothing to do.
func (db *DB) Migrate(ctx context.Context) error {
	db.forgetDays() // the database may be another one by now
	if err := db.refuseOldTable(ctx); err != nil {
		db.AfterError(err)
		return err
	}
	if err := db.migrate(ctx); err != nil {
		db.AfterError(err)
		return err
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) error {
	if err := db.mayMigrate(ctx); err != nil {
		return err
	}
	due, err := db.isInstallDue(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", db.Explain(ctx, err))
	}
	if !due {
		return nil
	}
	return db.Install(ctx)
}

// mayMigrate fails when the schema is not there and the role may not make it, or
// nobody should.
func (db *DB) mayMigrate(ctx context.Context) error {
	var role, encoding string
	var schema sql.NullString
	var exists, may bool
	err := db.Pool.QueryRowContext(ctx, `SELECT current_user, current_setting('server_encoding'), s, to_regclass('vpn_traffic_migrations') IS NOT NULL,
		coalesce(has_schema_privilege(s, 'CREATE'), false) FROM current_schema() AS s`).Scan(&role, &encoding, &schema, &exists, &may)
	switch {
	case err != nil:
		return fmt.Errorf("looking for the schema: %w", err)
	case encoding != "UTF8":
		return fmt.Errorf("its encoding is %s: %w", encoding, ErrEncoding)
	case !schema.Valid:
		return fmt.Errorf("role %q may use no schema of its search_path: %w", role, ErrNotMigrated)
	case !exists && !may:
		return fmt.Errorf("the tables are missing, and role %q may make none in schema %q: %w", role, schema.String, ErrNotMigrated)
	}
	return nil
}

// isInstallDue reports whether something is to be migrated or installed. Functions
// that are merely of another version are the owner's matter.
func (db *DB) isInstallDue(ctx context.Context) (bool, error) {
	var tables, functions, owns bool
	var schema sql.NullString
	err := db.Pool.QueryRowContext(ctx, `SELECT c.oid IS NOT NULL, to_regprocedure('vpn_traffic_functions()') IS NOT NULL, n.nspname,
		coalesce(pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false)
		FROM (VALUES (to_regclass('vpn_traffic_migrations'))) AS v (found)
		LEFT JOIN pg_class c ON c.oid = found LEFT JOIN pg_namespace n ON n.oid = relnamespace`).Scan(&tables, &functions, &schema, &owns)
	if err != nil || !tables {
		return true, err
	}
	var version int
	err = db.Pool.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM vpn_traffic_migrations`).Scan(&version)
	if err != nil || version != lastMigration() {
		return version < lastMigration(), err
	}
	if !functions {
		return true, nil
	}
	var installed string
	err = db.Pool.QueryRowContext(ctx, `SELECT vpn_traffic_functions()`).Scan(&installed)
	found, in, _ := strings.Cut(installed, " ")
	return in != schema.String || owns && found != functionsVersion(), err
}

// Explain tells what to do when the role lacks a right.
func (db *DB) Explain(ctx context.Context, err error) error {
	if pq.As(err, pqerror.InsufficientPrivilege) == nil {
		return err
	}
	var role string
	if err := db.Pool.QueryRowContext(ctx, `SELECT current_user`).Scan(&role); err != nil {
		return err
	}
	return fmt.Errorf("role %q may not do all that this version of the schema takes: %w (%w)", role, ErrNotMigrated, err)
}

// refuseOldTable fails when vpn_traffic is there but is not ours.
func (db *DB) refuseOldTable(ctx context.Context) error {
	whose, err := whoseTable(ctx, db.Pool)
	switch {
	case err != nil:
		return fmt.Errorf("looking for vpn_traffic: %w", err)
	case whose == oldTable:
		return ErrOldTable
	case whose == foreignTable:
		return ErrForeignTable
	}
	return nil
}

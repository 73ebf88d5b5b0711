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
var ErrOldTable error = notReady{"vpn_traffic is the old importer's table, which this version cannot use", "run psql-sink upgrade, which keeps its rows, or name another database or search_path in dsn"}

// ErrForeignTable says that somebody else has something of that name.
var ErrForeignTable error = notReady{"there is a vpn_traffic that is neither this version's table nor the old importer's", "rename it, or name another database or search_path in dsn"}

// ErrEncoding says that the database cannot hold all texts.
var ErrEncoding error = notReady{"the database has to be of the encoding UTF8", "make it with createdb --template=template0 --encoding=UTF8"}

// ErrNotMigrated says that the schema is not as this version needs it, and that
// the role has no right to change that.
var ErrNotMigrated error = notReady{remedy: `have its owner run "psql-sink migrate"`}

// notReady is an error that keeps this version from using the schema.
type notReady struct{ what, remedy string }

func (n notReady) Error() string {
	if n.what == "" {
		return n.remedy
	}
	return n.what + ": " + n.remedy
}

// Is says that it is one of pgconn.ErrNotReady's kind.
func (notReady) Is(kind error) bool { return kind == pgconn.ErrNotReady }

// Migrate brings the schema up to this version's, as Install does. Several
// processes may do so at once. It does nothing, and needs no right to, when there
// is nothing to do.
func (db *DB) Migrate(ctx context.Context) error {
	db.forgetDays() // the database may be another one by now
	err := db.migrate(ctx)
	db.AfterError(err)
	return err
}

func (db *DB) migrate(ctx context.Context) error {
	if err := refuseOldTable(ctx, db.Pool); err != nil {
		return err
	}
	if err := mayMigrate(ctx, db.Pool); err != nil {
		return err
	}
	due, err := isInstallDue(ctx, db.Pool)
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
func mayMigrate(ctx context.Context, on queryer) error {
	var role, encoding string
	var schema sql.NullString
	var exists, may bool
	err := on.QueryRowContext(ctx, `SELECT current_user, current_setting('server_encoding'), s, to_regclass('vpn_traffic_migrations') IS NOT NULL,
		coalesce(has_schema_privilege(s, 'CREATE'), false) FROM current_schema() AS s`).Scan(&role, &encoding, &schema, &exists, &may)
	switch {
	case err != nil:
		return fmt.Errorf("looking for the schema: %w", err)
	case refuseEncoding(encoding) != nil:
		return refuseEncoding(encoding)
	case !schema.Valid:
		return fmt.Errorf("role %q may use no schema of its search_path: %w", role, ErrNotMigrated)
	case !exists && !may:
		return fmt.Errorf("the tables are missing, and role %q may make none in schema %q: %w", role, schema.String, ErrNotMigrated)
	}
	return nil
}

func refuseEncoding(encoding string) error {
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s: %w", encoding, ErrEncoding)
	}
	return nil
}

// isInstallDue reports whether something is to be migrated or installed. Functions
// that are merely of another version are the owner's matter.
func isInstallDue(ctx context.Context, on queryer) (bool, error) {
	v, err := versionOf(ctx, on)
	if err != nil || !v.tables || v.version != lastMigration() {
		return !v.tables || v.version < lastMigration(), err
	}
	return !v.functions || v.owns && v.installed != functionsVersion(), nil
}

// version is what a database has of the schema.
type version struct {
	tables    bool // it has one
	owns      bool // and we may change it
	version   int  // the last migration
	functions bool // they are there, and say this schema
	installed string
}

func versionOf(ctx context.Context, on queryer) (v version, err error) {
	var functions bool
	var schema sql.NullString
	err = on.QueryRowContext(ctx, `SELECT c.oid IS NOT NULL, to_regprocedure('vpn_traffic_functions()') IS NOT NULL, n.nspname,
		coalesce(pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false)
		FROM (VALUES (to_regclass('vpn_traffic_migrations'))) AS v (found)
		LEFT JOIN pg_class c ON c.oid = found LEFT JOIN pg_namespace n ON n.oid = relnamespace`).Scan(&v.tables, &functions, &schema, &v.owns)
	if err != nil || !v.tables {
		return v, err
	}
	err = on.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM vpn_traffic_migrations`).Scan(&v.version)
	if err != nil || v.version != lastMigration() || !functions {
		return v, err
	}
	var installed string
	err = on.QueryRowContext(ctx, `SELECT vpn_traffic_functions()`).Scan(&installed)
	found, in, _ := strings.Cut(installed, " ")
	v.functions, v.installed = in == schema.String, found
	return v, err
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
func refuseOldTable(ctx context.Context, on queryer) error {
	whose, err := whoseTable(ctx, on)
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

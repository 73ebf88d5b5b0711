package trafficdb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrOldTable says that the database holds the table of the old importer.
var ErrOldTable = errors.New("vpn_traffic is the old importer's table, which this version cannot use: rename it, or name another database or search_path in dsn")

// ErrNotMigrated says that the schema is not as this version needs it, and that
// the role has no right to change that.
var ErrNotMigrated = errors.New(`have its owner run "psql-sink migrate"`)

// Migrate brings the schema up to this version's, and then grants as Grant does.
// Several processes may do so at once. It does nothing, and needs no right to,
// when there is nothing to do.
func (db *DB) Migrate(ctx context.Context) error {
	db.forget() // the database may be another one by now
	if err := db.refuseOldTable(ctx); err != nil {
		db.learn(err)
		return err
	}
	if err := db.migrate(ctx); err != nil {
		db.learn(err)
		return err
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) error {
	if err := db.mayMigrate(ctx); err != nil {
		return err
	}
	provider, err := db.provider()
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", db.explain(ctx, err))
	}
	if !pending {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema: %w", db.explain(ctx, err))
	}
	return db.Grant(ctx)
}

func (db *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	// Every second, for five minutes: another one may be at it.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db.pool, files,
		goose.WithSessionLocker(locker), goose.WithTableName("vpn_traffic_migrations"),
		goose.WithDisableGlobalRegistry(true))
}

// mayMigrate fails when the schema is not there and the role may not make it,
// which goose would try four times.
func (db *DB) mayMigrate(ctx context.Context) error {
	var role string
	var schema sql.NullString
	var exists, may bool
	err := db.pool.QueryRowContext(ctx, `SELECT current_user, s, to_regclass('vpn_traffic_migrations') IS NOT NULL,
		coalesce(has_schema_privilege(s, 'CREATE'), false) FROM current_schema() AS s`).Scan(&role, &schema, &exists, &may)
	switch {
	case err != nil:
		return fmt.Errorf("looking for the schema: %w", err)
	case !schema.Valid:
		return fmt.Errorf("role %q may use no schema of its search_path: %w", role, ErrNotMigrated)
	case !exists && !may:
		return fmt.Errorf("the tables are missing, and role %q may make none in schema %q: %w", role, schema.String, ErrNotMigrated)
	}
	return nil
}

// explain tells what to do when the role lacks a right.
func (db *DB) explain(ctx context.Context, err error) error {
	if pq.As(err, pqerror.InsufficientPrivilege) == nil {
		return err
	}
	var role string
	if err := db.pool.QueryRowContext(ctx, `SELECT current_user`).Scan(&role); err != nil {
		return err
	}
	return fmt.Errorf("role %q may not do all that this version of the schema takes: %w (%w)", role, ErrNotMigrated, err)
}

// refuseOldTable fails when vpn_traffic is there but is not partitioned.
func (db *DB) refuseOldTable(ctx context.Context) error {
	var old bool
	err := db.pool.QueryRowContext(ctx,
		`SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('vpn_traffic') AND relkind <> 'p')`).Scan(&old)
	if err != nil {
		return fmt.Errorf("looking for vpn_traffic: %w", err)
	}
	if old {
		return ErrOldTable
	}
	return nil
}

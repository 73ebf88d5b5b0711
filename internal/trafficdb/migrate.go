package trafficdb

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrOldTable says that the database holds the table of the old importer.
var ErrOldTable = errors.New("vpn_traffic is the old importer's table, which this version cannot use: run psql-sink upgrade, which keeps its rows, or name another database or search_path in dsn")

// Migrate brings the schema up to this version's. Several processes may do so
// at once. It does nothing, and needs no right to, when there is nothing to do.
func (db *DB) Migrate(ctx context.Context) error {
	db.forget() // the database may be another one by now
	if err := db.refuseOldTable(ctx); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	// Every second, for five minutes: another one may be at it.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db.pool, files,
		goose.WithSessionLocker(locker), goose.WithTableName("vpn_traffic_migrations"),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if !pending {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	return nil
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

package schema

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/pgconn"
)

// Migrations make tables and change them, each once, in their order. Functions
// are installed anew whenever one of them has changed, or is not as it should be:
// in a database restored in part, say, or after its schema got another name.
// Older processes call them too: a change that these cannot live with comes with
// a migration, after which they leave all functions alone.
var (
	//go:embed migrations/*.sql
	migrationFiles embed.FS
	//go:embed functions/*.sql
	functionFiles embed.FS
	//go:embed grant.sql
	grants string
)

// Install runs the migrations that are due, installs the functions, and gives the
// roles vpn_traffic_writer and vpn_traffic_reader, if there are such, what the
// sink and dashboards need, and no more. It is one transaction: others see all of
// it or nothing, and it does not matter to whose connection a pool gives it. Only
// the owner of the schema can.
func (db *DB) Install(ctx context.Context) error {
	for {
		err := pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error { return install(ctx, tx) })
		if errors.Is(err, errFirst) && pq.As(err, pqerror.UniqueViolation, pqerror.DuplicateTable) != nil {
			continue // somebody else has made it while we waited: now there is a table to lock
		}
		if err != nil {
			return fmt.Errorf("migrating the schema: %w", db.Explain(ctx, err))
		}
		return nil
	}
}

// errFirst marks what went wrong when the first table was made.
var errFirst = errors.New("making vpn_traffic_migrations")

const (
	// Functions keep the search_path of this moment, and so see our own tables,
	// no matter who calls them.
	pinSchema = `SELECT set_config('search_path', quote_ident(coalesce((SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
		WHERE pg_class.oid = to_regclass('vpn_traffic_migrations')), current_schema())) || ', pg_temp', true)`

	// What the owner's role makes is the owner's, also when a superuser runs this:
	// functions with a superuser's rights are for nobody.
	becomeOwner = `SELECT set_config('role', r.rolname, true) FROM pg_class c JOIN pg_roles r ON r.oid = relowner
		WHERE c.oid = coalesce(to_regclass('vpn_traffic_migrations'), to_regclass('vpn_traffic_old')) AND r.rolname <> current_user AND pg_has_role(r.oid, 'MEMBER')`

	// Partitioned tables cannot be told to be where they would be anyway.
	placeTables = `SELECT set_config('default_tablespace', '', true) FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace
		WHERE datname = current_database() AND spcname = current_setting('default_tablespace')`

	// A lock that readers cannot take, nor wait for.
	lockMigrations = `LOCK TABLE vpn_traffic_migrations IN SHARE ROW EXCLUSIVE MODE`

	makeMigrations = `CREATE TABLE IF NOT EXISTS vpn_traffic_migrations (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`
)

func install(ctx context.Context, tx *sql.Tx) error {
	for _, prepare := range [...]string{pinSchema, becomeOwner, placeTables} {
		if _, err := tx.ExecContext(ctx, prepare); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, makeMigrations); err != nil {
		return fmt.Errorf("%w: %w", errFirst, err)
	}
	if _, err := tx.ExecContext(ctx, lockMigrations); err != nil {
		return err
	}
	newer, err := runMigrations(ctx, tx)
	if err != nil || newer {
		return err
	}
	if err := installFunctions(ctx, tx, filesOf(functionFiles, "functions")); err != nil {
		return fmt.Errorf("installing functions: %w", err)
	}
	if _, err := tx.ExecContext(ctx, grants); err != nil {
		return fmt.Errorf("granting rights: %w", err)
	}
	return nil
}

// runMigrations runs those that were not run yet, and reports whether some were
// run that only a later version has.
func runMigrations(ctx context.Context, tx *sql.Tx) (newer bool, err error) {
	var version int
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM vpn_traffic_migrations`).Scan(&version); err != nil {
		return false, err
	}
	for _, f := range filesOf(migrationFiles, "migrations") {
		if f.number() <= version {
			continue
		}
		if _, err := tx.ExecContext(ctx, f.text); err != nil {
			return false, fmt.Errorf("%s: %w", f.name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO vpn_traffic_migrations (version) VALUES ($1)`, f.number()); err != nil {
			return false, err
		}
	}
	return version > lastMigration(), nil
}

// lastMigration returns the number of this version's schema.
func lastMigration() int {
	files := filesOf(migrationFiles, "migrations")
	return files[len(files)-1].number()
}

func installFunctions(ctx context.Context, tx *sql.Tx, files []sqlFile) error {
	for _, f := range files {
		if _, err := tx.ExecContext(ctx, f.text); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	// Says which functions they are, and in which schema: they go by its name.
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`DO $$ BEGIN
		EXECUTE format('CREATE OR REPLACE FUNCTION vpn_traffic_functions() RETURNS text LANGUAGE sql IMMUTABLE AS %%L',
			format('SELECT %%L', '%s ' || current_schema()));
		END $$`, versionOfFiles(files)))
	return err
}

// functionsVersion tells the functions of this version from those of others.
func functionsVersion() string { return versionOfFiles(filesOf(functionFiles, "functions")) }

func versionOfFiles(files []sqlFile) string {
	sum := sha256.New()
	for _, f := range files {
		_, _ = fmt.Fprint(sum, f.text)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}

// sqlFile is one of our files of statements.
type sqlFile struct{ name, text string }

// number returns the number that the name of a migration begins with.
func (f sqlFile) number() int {
	digits, _, _ := strings.Cut(f.name, "_")
	n, _ := strconv.Atoi(digits)
	return n
}

// filesOf returns the files of a folder in the order of their names.
func filesOf(folder embed.FS, name string) (files []sqlFile) {
	entries, _ := folder.ReadDir(name) // compiled in: there are no errors
	for _, e := range entries {
		text, _ := folder.ReadFile(path.Join(name, e.Name()))
		files = append(files, sqlFile{e.Name(), string(text)})
	}
	return files
}

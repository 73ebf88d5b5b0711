package schema

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/pgconn"
)

// A fact is found out in a transaction of its own: one that a role may not find out
// spoils none of the others.
type fact struct {
	name string
	find func(context.Context, *sql.Tx) (check.Finding, error)
}

// Check finds out what must hold for a sink that keeps rows so long: of the server, of
// the schema, of the role's rights, of clocks and of partitions. It changes nothing.
func (db *DB) Check(ctx context.Context, keep Retention) (all []check.Finding) {
	all = append(all, db.checkTransactions(ctx))
	if all[0].Level != check.OK {
		return all
	}
	if db.isHead(ctx) {
		return append(all, db.find(ctx, fact{"head", checkHead}), db.find(ctx, fact{"shards", checkShards}))
	}
	for _, f := range []fact{{"server", checkServer}, {"replication", db.checkReplication}, {"encoding", db.checkEncoding}, {"schema", db.checkSchema}} {
		all = append(all, db.find(ctx, f))
	}
	if all[len(all)-1].Level == check.Failure {
		return all // nothing more can be said of what is not there
	}
	var tables bool
	if err := db.Look(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT to_regclass('vpn_traffic') IS NOT NULL`).Scan(&tables)
	}); err != nil || !tables {
		return all
	}
	for _, f := range []fact{
		{"role", checkRole},
		{"rights", db.checkRights},
		{"clock", checkClock},
		{"partitions", db.checkPartitions},
		{"retention", func(ctx context.Context, tx *sql.Tx) (check.Finding, error) { return db.checkRetention(ctx, tx, keep) }},
	} {
		all = append(all, db.find(ctx, f))
	}
	return all
}

func (db *DB) find(ctx context.Context, f fact) (found check.Finding) {
	err := db.Look(ctx, func(tx *sql.Tx) (err error) {
		found, err = f.find(ctx, tx)
		return err
	})
	if err != nil {
		return check.Failf(f.name, "this could not be checked: %v", pgconn.Reason(err))
	}
	return found
}

// checkTransactions begins a transaction. We have just been let in, so a connection that
// is lost then is no accident: pgbouncer does that with pool_mode = statement.
func (db *DB) checkTransactions(ctx context.Context) check.Finding {
	err := db.Look(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `SELECT`)
		return err
	})
	switch {
	case err == nil:
		return check.Okf("transactions", "the way to the server keeps transactions together")
	case pgconn.IsUnreachable(err):
		return check.Failf("transactions", "the connection is closed in each transaction, as pgbouncer does with pool_mode = statement").
			Do("set pool_mode = transaction in pgbouncer.ini, and have pgbouncer reload it")
	}
	return check.Failf("transactions", "there can be none: %v", pgconn.Reason(err))
}

// oldest is the oldest PostgreSQL that the schema works with.
const oldest = 15

func checkServer(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var version string
	var number int
	err := tx.QueryRowContext(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000`).Scan(&version, &number)
	if number < oldest {
		return check.Failf("server", "PostgreSQL %s is too old", version).Do("upgrade it to %d or later", oldest), err
	}
	return check.Okf("server", "PostgreSQL %s", version), err
}

func (db *DB) checkEncoding(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var encoding string
	err := tx.QueryRowContext(ctx, `SELECT current_setting('server_encoding')`).Scan(&encoding)
	if refused := refuseEncoding(encoding); refused != nil {
		return failed("encoding", refused).Do("drop it, once nothing in it is needed, and make it anew").
			Run("%s --template=template0 --encoding=UTF8 %s", db.Admin("createdb"), check.Quote(db.Database())), err
	}
	return check.Okf("encoding", "the database is in %s", encoding), err
}

func (db *DB) checkSchema(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	if err := refuseOldTable(ctx, tx); err != nil {
		return notReadyOr("schema", err)
	}
	if err := mayMigrate(ctx, tx); err != nil {
		found, err := notReadyOr("schema", err)
		return db.byOwner(ctx, tx, found), err
	}
	v, err := versionOf(ctx, tx)
	last := lastMigration()
	switch {
	case err != nil:
		return check.Finding{}, err
	case !v.tables:
		return db.byOwner(ctx, tx, check.Warnf("schema", "there are no tables yet: psql-sink makes them when it starts").Do("or make them now")), nil
	case v.version > last:
		return check.Warnf("schema", "it is of version %d, and this psql-sink is of version %d", v.version, last).Do("install a later psql-sink"), nil
	case v.version == last && v.functions && v.installed == functionsVersion():
		return check.Okf("schema", "it is of this version (%d)", last), nil
	case v.version == last && v.functions && !v.owns:
		return db.byOwner(ctx, tx, check.Warnf("schema", "its functions are of another version than this psql-sink").Do("have its owner install them")), nil
	case v.owns:
		return db.byOwner(ctx, tx, check.Warnf("schema", "it is of version %d: psql-sink brings it to version %d when it starts", v.version, last).Do("or do it now")), nil
	}
	return db.byOwner(ctx, tx, check.Failf("schema", "it is of version %d, or lacks functions, and this psql-sink needs version %d", v.version, last)), nil
}

// byOwner adds how the owner brings the schema up to date.
func (db *DB) byOwner(ctx context.Context, tx *sql.Tx, f check.Finding) check.Finding {
	if f.Remedy == "" || f.Remedy == ErrNotMigrated.Error() {
		f = f.Do("have its owner migrate it")
	}
	return f.Run("%s", db.migrateCommand(ctx, tx))
}

func (db *DB) migrateCommand(ctx context.Context, tx *sql.Tx) string {
	owner := "vpn_traffic_owner"
	_ = tx.QueryRowContext(ctx, `SELECT relowner::regrole FROM pg_class WHERE oid = to_regclass('vpn_traffic_migrations')`).Scan(&owner) // or the usual one
	return db.AsAdmin("psql-sink migrate -dsn " + check.Quote(db.OwnerDSN(owner)))
}

// failed is the finding of an error that knows its remedy.
func failed(name string, err error) check.Finding {
	found := check.Failf(name, "%v", err)
	if known, ok := errors.AsType[notReady](err); ok {
		found.What = strings.TrimSuffix(found.What, ": "+known.remedy)
		found.Remedy = known.remedy
	}
	return found
}

func notReadyOr(name string, err error) (check.Finding, error) {
	if errors.Is(err, pgconn.ErrNotReady) {
		return failed(name, err), nil
	}
	return check.Finding{}, err
}

// checkClocks compares the clock of a sink with that of the database.
func checkClocks(here, there time.Time) check.Finding {
	switch apart := here.Sub(there).Abs(); {
	case apart > maxApart:
		return check.Failf("clock", "the clock here is %v from that of the database", apart.Round(time.Hour)).Do("%v", ErrClocks)
	case apart > closeEnough:
		return check.Warnf("clock", "the clock here is %v from that of the database: dashboards show the last minutes wrong", apart.Round(time.Second)).
			Do("synchronize both").Run("timedatectl set-ntp true")
	}
	return check.Okf("clock", "the clocks here and at the database are less than %v apart", closeEnough)
}

func checkClock(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	before := time.Now()
	var there time.Time
	err := tx.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&there)
	return checkClocks(before.Add(time.Since(before)/2), there), err
}

// checkReplication finds out whether what the server calls committed survives it. A sink
// forgets a report then.
func (db *DB) checkReplication(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var on, commit, names string
	var standbys int // a role without pg_monitor sees how many there are, and no more of them
	err := tx.QueryRowContext(ctx, `SELECT format('ALTER ROLE %I IN DATABASE %I SET synchronous_commit = on', current_user, current_database()),
		current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication)`).
		Scan(&on, &commit, &names, &standbys)
	early := func(loses string) check.Finding {
		return check.Warnf("replication", "synchronous_commit is %s: %s", commit, loses).
			Do("switch it on for the role").Run("%s -c %s", db.Admin("psql"), check.Quote(on))
	}
	switch {
	case err != nil:
		return check.Finding{}, err
	case commit == "off":
		return early("a crash of Postgres loses what was stored last"), nil
	case commit == "local" && (names != "" || standbys > 0):
		return early("a failover loses what no standby has yet"), nil
	case names != "" && standbys == 0:
		return check.Failf("replication", "commits wait for a standby (synchronous_standby_names is %q), and none is connected", names).
			Do("start a standby, or find out why it does not connect"), nil
	case names != "":
		return check.Okf("replication", "commits wait for a standby (synchronous_standby_names is %q)", names), nil
	case standbys > 0:
		return check.Warnf("replication", "commits wait for no standby, and there are %d: a failover loses what was stored last", standbys).
			Do("set synchronous_standby_names, or synchronous_mode in Patroni; until then, keep reports with archive = true, to import them again"), nil
	}
	return check.Okf("replication", "no standby is connected, and commits wait for none"), nil
}

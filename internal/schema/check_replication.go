package schema

import (
	"context"
	"database/sql"

	"telegraf-conntrack-accounting/internal/check"
)

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

package schema

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"telegraf-conntrack-accounting/internal/check"
)

// checkRole finds out who we are, and whether that is more than a sink should be.
func checkRole(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	const less = "log in as vpn_traffic_writer, which may neither change nor delete rows (docs/operations.md, \"Roles\")"
	var role string
	var super, owns bool
	err := tx.QueryRowContext(ctx, `SELECT current_user, rolsuper, pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('vpn_traffic')), 'MEMBER')
		FROM pg_roles WHERE rolname = current_user`).Scan(&role, &super, &owns)
	switch {
	case super:
		return check.Warnf("role", "the role %s is a superuser: a thief of its login can erase all history", role).Do(less), err
	case owns:
		return check.Warnf("role", "the role %s owns the tables: a thief of its login can erase all history", role).Do(less), err
	}
	return check.Okf("role", "we log in as %s, which does not own the tables", role), err
}

// checkRights compares what the role may do with what a sink does.
func (db *DB) checkRights(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var role string
	var owns bool
	if err := tx.QueryRowContext(ctx, `SELECT current_user, pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('vpn_traffic')`).Scan(&role, &owns); err != nil {
		return check.Finding{}, err
	}
	if owns {
		return check.Okf("rights", "the role %s may do all that a sink does", role), nil // and more, see checkRole
	}
	rights, err := rightsOf(ctx, tx)
	if err != nil {
		return check.Finding{}, err
	}
	needed := neededRights()
	remedy := "have the owner of the tables grant what the sink needs, and no more"
	if role != "vpn_traffic_writer" {
		remedy = "log in as vpn_traffic_writer, to which this grants its rights"
	}
	if missing := without(needed, rights); len(missing) > 0 {
		return check.Failf("rights", "the role %s lacks rights: %s", role, some(missing)).Do("%s", remedy).Run("%s", db.migrateCommand(ctx, tx)), nil
	}
	if excess := without(rights, needed); len(excess) > 0 {
		return check.Warnf("rights", "the role %s may do more than a sink does, so a thief of its login can, too: %s", role, some(excess)).
			Do("%s", remedy).Run("%s", db.migrateCommand(ctx, tx)), nil
	}
	return check.Okf("rights", "the role %s may add rows, and neither change nor delete them", role), nil
}

// neededRights are the writer's of grant.sql, as "INSERT on vpn_traffic".
func neededRights() (list []string) {
	add := func(table string, privileges ...string) {
		for _, privilege := range privileges {
			list = append(list, privilege+" on "+table)
		}
	}
	add("vpn_traffic", "SELECT", "INSERT")
	for _, t := range Rollups {
		add(t.Name, "SELECT", "INSERT")
		if t.Level.Merged() {
			add(t.Name, "UPDATE")
		}
	}
	for _, t := range Summaries {
		add(t.Name, "SELECT")
	}
	for _, table := range []string{"vpn_traffic_reports", "vpn_traffic_minute_reports", "vpn_traffic_hour_reports", "vpn_traffic_values", "sink_status"} {
		add(table, "SELECT", "INSERT", "UPDATE")
	}
	add("vpn_traffic_name_history", "SELECT", "INSERT", "DELETE")
	for _, table := range []string{"vpn_traffic_migrations", "vpn_traffic_partitions", "vpn_traffic_retention", "vpn_traffic_gone", "vpn_traffic_summed_up", "vpn_traffic_sums_due"} {
		add(table, "SELECT")
	}
	for _, function := range []string{"make_partitions", "index_partition", "drop_partition", "tidy", "summarize", "outdate", "list_sums", "sum_up"} {
		add("vpn_traffic_"+function, "EXECUTE")
	}
	return list
}

// rightsOf returns the rights of the current role on the schema's tables, and on
// functions that run with their owner's. To read more than it needs is no harm.
func rightsOf(ctx context.Context, tx *sql.Tx) (list pq.StringArray, err error) {
	err = tx.QueryRowContext(ctx, `
		WITH home AS (SELECT relnamespace AS id FROM pg_class WHERE oid = to_regclass('vpn_traffic'))
		SELECT array_agg(held) FROM (
			SELECT p || ' on ' || relname AS held FROM home, pg_class c, unnest('{SELECT, INSERT, UPDATE, DELETE, TRUNCATE}'::text[]) AS p
			WHERE relnamespace = home.id AND (relname LIKE 'vpn\_traffic%' OR relname = 'sink_status') AND relkind IN ('r', 'p', 'v')
				AND (has_table_privilege(c.oid, p) OR p IN ('INSERT', 'UPDATE') AND has_any_column_privilege(c.oid, p))
			UNION ALL SELECT 'EXECUTE on ' || proname FROM home, pg_proc f
			WHERE pronamespace = home.id AND proname LIKE 'vpn\_traffic\_%' AND prosecdef AND has_function_privilege(f.oid, 'EXECUTE')) AS rights`).Scan(&list)
	return list, err
}

// without returns the rights of a list that are not in the other, except to read.
func without(list, other []string) (rest []string) {
	for _, right := range list {
		if !slices.Contains(other, right) {
			rest = append(rest, right)
		}
	}
	return rest
}

// some names the first of a list.
func some(list []string) string {
	const shown = 5
	if more := len(list) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), more)
	}
	return strings.Join(list, ", ")
}

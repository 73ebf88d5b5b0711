package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"telegraf-conntrack-accounting/internal/check"
)

// checkPartitions finds out whether the days from today on that Retain makes
// partitions for have theirs.
func (db *DB) checkPartitions(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var missing, taken pq.StringArray
	var used bool
	err := tx.QueryRowContext(ctx, `
		SELECT coalesce(array_agg(day::date::text ORDER BY day) FILTER (WHERE NOT attached), '{}'),
			coalesce(array_agg(day::date::text ORDER BY day) FILTER (WHERE NOT attached AND there), '{}'),
			EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass('vpn_traffic'))
		FROM (SELECT day, found IS NOT NULL AS there, EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass('vpn_traffic') AND inhrelid = found) AS attached
			FROM generate_series((now() AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date + $1::int, '1 day') AS day,
			to_regclass('vpn_traffic_' || to_char(day, 'YYYYMMDD')) AS found) AS days`, daysAhead).Scan(&missing, &taken, &used)
	switch {
	case err != nil:
		return check.Finding{}, err
	case len(taken) > 0:
		return check.Failf("partitions", "rows of %s cannot be stored", strings.Join(taken, ", ")).Do(notAttached), nil
	case !used:
		return check.Okf("partitions", "there are none yet: psql-sink makes them when it starts"), nil
	case len(missing) > 0:
		var calls []string
		for _, day := range missing {
			calls = append(calls, fmt.Sprintf("SELECT vpn_traffic_make_partitions('%s')", day))
		}
		return check.Warnf("partitions", "there are none for %s: psql-sink makes them each hour while it runs", strings.Join(missing, ", ")).
			Do("start it, or make them now").Run("%s -d %s -c %s", db.Admin("psql"), check.Quote(db.Database()), check.Quote(strings.Join(calls, "; "))), nil
	}
	return check.Okf("partitions", "today and the next %d days have theirs", daysAhead), nil
}

// Withheld is the finding that partitions are older than their retention, and that the
// owner of the tables does not let us drop them.
func Withheld(count int) check.Finding {
	return check.Warnf("retention", "%d partitions are older than their retention and were kept: the owner of the tables does not let this role drop them", count).
		Do(`have it run "psql-sink migrate" with the same -retention, -retention-minute and -retention-hour`)
}

// checkRetention compares the partitions that are there with how long rows are kept.
func (db *DB) checkRetention(ctx context.Context, tx *sql.Tx, keep Retention) (check.Finding, error) {
	days, withheld := make(map[string]bool), 0
	for _, level := range keep.levels() {
		due, err := dueOf(ctx, tx, level.name, time.Now().Add(-level.keep))
		if err != nil {
			return check.Finding{}, err
		}
		for _, day := range due.days {
			days[day] = true
		}
		withheld += due.withheld
	}
	switch {
	case withheld > 0:
		return Withheld(withheld).Do("have it allow that").
			Run("%s -retention %v -retention-minute %v -retention-hour %v", db.migrateCommand(ctx, tx), keep.Raw, keep.Minute, keep.Hour), nil
	case len(days) > dropDays:
		return check.Warnf("retention", "%d days and months are older than their retention: psql-sink drops %d of them each hour while it runs", len(days), dropDays).
			Do("set retention, retention_minute and retention_hour to more if that is not meant, before it starts"), nil
	}
	return check.Okf("retention", "nothing is kept for longer than its retention"), nil
}

package trafficdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Retention says for how long rows are kept; 0 is for ever. Partitions go as
// wholes, so rows live up to a day (the hourly ones: a month) longer.
type Retention struct {
	Raw    time.Duration // vpn_traffic and its rollups per report
	Minute time.Duration
	Hour   time.Duration
}

// Retained says what Retain has done.
type Retained struct {
	Dropped   []string // partitions
	Postponed []string // partitions that somebody was reading
}

// daysAhead are the days after today for which Retain makes partitions.
const daysAhead = 2

// dropPatience is how long a drop waits for readers. Whoever comes after it
// waits behind it, so it is less than anybody would notice.
const dropPatience = 200 * time.Millisecond

// Retain makes the partitions of the days to come, and drops those whose rows
// are all older than their retention. A partition that somebody reads stays
// until the next time. It also makes what indexes are missing, as Index does.
func (db *DB) Retain(ctx context.Context, now time.Time, keep Retention) (Retained, error) {
	today := now.UnixMicro() / dayMicros
	for day := today; day <= today+daysAhead; day++ {
		if !db.knowsDay(day) {
			if err := db.makeDay(ctx, day); err != nil {
				return Retained{}, fmt.Errorf("making the partitions of the days to come: %w", err)
			}
		}
	}
	var done Retained
	for _, level := range [...]struct {
		retention string
		keep      time.Duration
	}{{"raw", keep.Raw}, {"minute", keep.Minute}, {"hour", keep.Hour}} {
		if level.keep == 0 {
			continue
		}
		if err := db.dropOlder(ctx, level.retention, now.Add(-level.keep), &done); err != nil {
			return done, fmt.Errorf("dropping old partitions: %w", err)
		}
	}
	if len(done.Dropped) > 0 {
		db.forgetDays()
	}
	if err := db.deleteOlder(ctx, now, keep); err != nil {
		return done, fmt.Errorf("deleting old rows: %w", err)
	}
	if err := db.indexIdle(ctx); err != nil {
		return done, err
	}
	return done, nil
}

func (db *DB) dropOlder(ctx context.Context, retention string, before time.Time, done *Retained) error {
	var old pq.StringArray
	err := db.pool.QueryRowContext(ctx, `SELECT coalesce(array_agg(name ORDER BY first, name), '{}') FROM vpn_traffic_partitions
		WHERE retention = $1 AND next <= $2::date`, retention, before.UTC().Format(time.DateOnly)).Scan(&old)
	if err != nil {
		return err
	}
	for _, partition := range old {
		err := db.dropPartition(ctx, partition)
		if isBusy(err) {
			done.Postponed = append(done.Postponed, partition)
			continue
		}
		if err != nil {
			return err
		}
		done.Dropped = append(done.Dropped, partition)
	}
	return nil
}

// Summarize brings the BRIN indexes of today up to date, unless somebody is in
// the way. Without it, a query for the last minutes reads all that was inserted
// since the last vacuum.
func (db *DB) Summarize(ctx context.Context) error {
	err := db.execPatiently(ctx, dropPatience, `SELECT vpn_traffic_summarize()`)
	if err != nil && !isBusy(err) {
		return fmt.Errorf("summarizing BRIN indexes: %w", err)
	}
	return nil
}

// dropPartition drops a partition, unless somebody reads it.
func (db *DB) dropPartition(ctx context.Context, partition string) error {
	return db.execPatiently(ctx, dropPatience, `SELECT vpn_traffic_drop_partition($1)`, partition)
}

// execPatiently executes a statement that waits for each lock so long at most; 0
// is for ever.
func (db *DB) execPatiently(ctx context.Context, patience time.Duration, statement string, args ...any) error {
	return inTransaction(ctx, db.pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true)`, patience.String()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// isBusy reports whether somebody was in the way, or came first.
func isBusy(err error) bool {
	refusal := pq.As(err)
	return refusal != nil && (refusal.Code == pqerror.LockNotAvailable || refusal.Code == pqerror.UndefinedTable ||
		refusal.Code.Class() == pqerror.ClassTransactionRollback)
}

// deleteOlder deletes from the tables that are not partitioned. What is known
// of reports is kept as long as anything that was summed up from their rows:
// they could be added a second time.
func (db *DB) deleteOlder(ctx context.Context, now time.Time, keep Retention) error {
	var errs []error
	for _, table := range [...]struct {
		statement string
		keep      time.Duration
	}{
		{`DELETE FROM vpn_traffic_minute_reports WHERE time < $1`, keep.Minute},
		{`DELETE FROM vpn_traffic_hour_reports WHERE time < $1`, keep.Hour},
		{`DELETE FROM vpn_traffic_reports WHERE time < $1`, longest(keep)},
		{`DELETE FROM vpn_traffic_names WHERE last_day < $1::timestamptz::date`, longest(keep)},
		{deleteNetworkNames, longest(keep)},
	} {
		if table.keep == 0 {
			continue
		}
		// Not before the partitions of the same time are gone: a month at most.
		_, err := db.pool.ExecContext(ctx, table.statement, now.Add(-table.keep).AddDate(0, -1, -1))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// deleteNetworkNames deletes names that were replaced long ago, and those of
// addresses of which no row is left. What an address is called stays, however
// long it has been called so.
const deleteNetworkNames = `DELETE FROM vpn_traffic_network_names AS l WHERE since < $1 AND (
	EXISTS (SELECT FROM vpn_traffic_network_names AS later
		WHERE later.kind = l.kind AND later.address = l.address AND later.host = l.host AND later.since > l.since AND later.since <= $1)
	OR NOT EXISTS (SELECT FROM vpn_traffic_names AS n WHERE n.kind = l.kind AND n.name = l.address))`

// longest returns the longest retention, of which 0 is.
func longest(keep Retention) time.Duration {
	if keep.Raw == 0 || keep.Minute == 0 || keep.Hour == 0 {
		return 0
	}
	return max(keep.Raw, keep.Minute, keep.Hour)
}

package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/pgconn"
)

// Retention says how long rows are kept; 0 keeps them forever. Partitions go as
// wholes, so rows live up to a day (the hourly ones: a month) longer.
type Retention struct {
	Raw    time.Duration // vpn_traffic and its rollups per report
	Minute time.Duration
	Hour   time.Duration
}

// Begin returns when the rows begin that Retain does not drop now: with a day. It
// is the zero time where rows are kept forever.
func (keep Retention) Begin(now time.Time) time.Time {
	if keep.Raw == 0 {
		return time.Time{}
	}
	return now.Add(-keep.Raw).UTC().Truncate(24 * time.Hour)
}

// InDays formats a retention as in a configuration file.
func InDays(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// Retained says what Retain has done.
type Retained struct {
	Dropped   []string // partitions
	Postponed []string // partitions that somebody was reading
	Kept      []Kept   // partitions that cannot be dropped
	Due       int      // days and months that are left for the next runs
	Withheld  int      // partitions that the owner of the tables wants to keep for longer
}

// Kept is a partition that is older than its retention and cannot be dropped.
type Kept struct {
	Partition string
	Err       error // such as that a view depends on it
}

const (
	// daysAhead are the days after today for which Retain makes partitions.
	daysAhead = 2
	// dropDays is of how many days, or months, one run drops partitions: on a
	// clock that jumped, somebody has hours to notice before much is gone.
	dropDays = 3
	// maxApart is how far the clocks of sink and database may be apart.
	maxApart = time.Hour
	// closeEnough is what nobody notices.
	closeEnough = 5 * time.Second
)

// ErrClocks says that nobody knows how old rows are.
var ErrClocks = errors.New("nothing is dropped, so set the one that is wrong")

// dropPatience is how long a drop waits for readers. Later readers wait
// behind it, so it is too short for anybody to notice.
const dropPatience = 200 * time.Millisecond

// Retain makes the partitions of the days to come, and drops those whose rows
// are all older than their retention, by the database's clock. A partition that
// somebody reads stays until the next time, and one that cannot be dropped does
// not keep others. What is newest is never dropped, and nothing is when the
// clock here, which says now, is far from the database's. It also makes the indexes
// that broken-off imports have left out, unless somebody is adding rows.
func (db *DB) Retain(ctx context.Context, now time.Time, keep Retention) (done Retained, err error) {
	var clock time.Time
	if err := db.Pool.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&clock); err != nil {
		return done, fmt.Errorf("asking the database for the time: %w", err)
	}
	today := clock.UnixMicro() / dayMicros
	var days error
	for day := today; day <= today+daysAhead; day++ {
		if !db.knowsDay(day) {
			days = errors.Join(days, db.makeDay(ctx, day))
		}
	}
	if _, one := errors.AsType[*DayError](days); days != nil && !one {
		return done, fmt.Errorf("making the partitions of the days to come: %w", days)
	}
	if clocks := checkClocks(now, clock); clocks.Level == check.Failure {
		err = fmt.Errorf("%s: %w", clocks.What, ErrClocks)
	} else {
		err = db.dropOld(ctx, clock, keep, &done)
	}
	return done, errors.Join(days, err, db.index(ctx, dropPatience, func(string) {}))
}

// dropOld drops what is older than its retention, and what is known of it.
func (db *DB) dropOld(ctx context.Context, clock time.Time, keep Retention, done *Retained) error {
	for _, level := range keep.levels() {
		if err := db.dropOlder(ctx, level.name, clock.Add(-level.keep), done); err != nil {
			return fmt.Errorf("dropping old partitions: %w", err)
		}
	}
	if len(done.Dropped) > 0 {
		db.forgetDays()
	}
	if _, err := db.Pool.ExecContext(ctx, `SELECT vpn_traffic_tidy()`); err != nil {
		return fmt.Errorf("deleting old rows: %w", err)
	}
	return nil
}

// kept is a level whose rows are not kept for ever.
type kept struct {
	name string
	keep time.Duration
}

func (keep Retention) levels() (list []kept) {
	for _, level := range [...]kept{{"raw", keep.Raw}, {"minute", keep.Minute}, {"hour", keep.Hour}} {
		if level.keep > 0 {
			list = append(list, level)
		}
	}
	return list
}

// overdue are the partitions of a level that are older than its retention.
type overdue struct {
	names, days pq.StringArray // of those that we may drop, the oldest first
	withheld    int            // the others
}

func dueOf(ctx context.Context, on queryer, retention string, before time.Time) (due overdue, err error) {
	err = on.QueryRowContext(ctx, `
		WITH newest AS (SELECT (max(time) AT TIME ZONE 'UTC')::date AS day FROM vpn_traffic_hour_reports)
		SELECT coalesce(array_agg(name ORDER BY first, name) FILTER (WHERE may), '{}'),
			coalesce(array_agg(first::text ORDER BY first, name) FILTER (WHERE may), '{}'), count(*) FILTER (WHERE NOT may)
		FROM (SELECT *, next::timestamp AT TIME ZONE 'UTC' <= vpn_traffic_droppable(retention) AS may FROM vpn_traffic_partitions) AS p, newest
		WHERE retention = $1 AND next <= $2::date AND (first <= day AND day < next) IS NOT TRUE`,
		retention, before.UTC().Format(time.DateOnly)).Scan(&due.names, &due.days, &due.withheld)
	return due, err
}

// dropOlder drops partitions of a few days or months, the oldest first.
func (db *DB) dropOlder(ctx context.Context, retention string, before time.Time, done *Retained) error {
	old, err := dueOf(ctx, db.Pool, retention, before)
	if err != nil {
		return err
	}
	dropped, due := make(map[string]bool), make(map[string]bool)
	var denied error
	for i, partition := range old.names {
		if len(dropped) >= dropDays && !dropped[old.days[i]] {
			due[old.days[i]] = true
			continue
		}
		switch err := db.execPatiently(ctx, dropPatience, `SELECT vpn_traffic_drop_partition($1)`, partition); {
		case err == nil:
			dropped[old.days[i]] = true
			done.Dropped = append(done.Dropped, partition)
		case isBusy(err):
			done.Postponed = append(done.Postponed, partition)
		case isOne(err):
			if denied == nil && pq.As(err, pqerror.InsufficientPrivilege, pqerror.UndefinedFunction) != nil {
				denied = err
			}
			done.Kept = append(done.Kept, Kept{partition, err})
		default:
			return err
		}
	}
	done.Due += len(due)
	done.Withheld += old.withheld
	if len(dropped) > 0 {
		return nil
	}
	return denied // it may be us, not the tables
}

// Allow lets roles that do not own the tables drop what is older than keep, and
// nothing else. Only the owner can.
func (db *DB) Allow(ctx context.Context, keep Retention) error {
	err := pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM vpn_traffic_retention`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO vpn_traffic_retention
			SELECT level, make_interval(secs => seconds) FROM (VALUES ('raw', $1::float8), ('minute', $2), ('hour', $3)) AS v (level, seconds)
			WHERE seconds > 0`, keep.Raw.Seconds(), keep.Minute.Seconds(), keep.Hour.Seconds())
		return err
	})
	if err != nil {
		return fmt.Errorf("setting what may be dropped: %w", db.Explain(ctx, err))
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

// execPatiently executes a statement that waits at most that long for each lock; 0
// waits forever.
func (db *DB) execPatiently(ctx context.Context, patience time.Duration, statement string, args ...any) error {
	return pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true)`, patience.String()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// isBusy reports whether somebody was in the way, or came first.
func isBusy(err error) bool {
	return isOutrun(err) || pq.As(err, pqerror.UndefinedTable) != nil
}

// isOutrun reports whether somebody else holds what is needed, or has changed it.
func isOutrun(err error) bool {
	refusal := pq.As(err)
	return refusal != nil && (refusal.Code == pqerror.LockNotAvailable || refusal.Code.Class() == pqerror.ClassTransactionRollback)
}

// isOne reports whether the server refuses to drop one table, such as for a view
// that somebody made of it, or for its owner, rather than to work at all.
func isOne(err error) bool {
	refusal := pq.As(err)
	return refusal != nil && pgconn.IsSpecific(err, refusal)
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
)

// Forgotten is what Forget forgets: days, of one host or of all, of some addresses
// or of all.
type Forgotten struct {
	From, To  time.Time // the first and the last day, in UTC
	Host      *string   // nil for all
	Addresses []string  // as src and dst have them; empty for all
}

// where is the condition, with its parameters, for a table of a day's rows. ends
// are the table's columns of addresses.
func (f *Forgotten) where(day time.Time, ends ...string) (condition string, args []any) {
	args = []any{day, day.AddDate(0, 0, 1)}
	condition = "time >= $1 AND time < $2"
	if f.Host != nil {
		args = append(args, *f.Host)
		condition += fmt.Sprintf(" AND host = $%d", len(args))
	}
	if len(f.Addresses) > 0 {
		args = append(args, f.Addresses)
		condition += fmt.Sprintf(" AND (%s = ANY ($%d))", strings.Join(ends, fmt.Sprintf(" = ANY ($%d) OR ", len(args))), len(args))
	}
	return condition, args
}

// Known is what the database knows of a day.
type Known struct {
	Day     time.Time
	Reports int // that it knows of, or at least their sums
	Hosts   int
}

// Known returns the days, in order, that have something to forget.
func (db *DB) Known(ctx context.Context, f *Forgotten) ([]Known, error) {
	days, err := listOf(ctx, db.Pool, func(scan scanner, day *Known) error {
		err := scan(&day.Day, &day.Reports, &day.Hosts)
		day.Day = day.Day.UTC()
		return err
	}, `SELECT (time AT TIME ZONE 'UTC')::date AS day, sum(reports), count(DISTINCT host) FROM (
			SELECT time, host, reports FROM vpn_traffic_hour_reports
			UNION ALL SELECT time, host, 0 FROM vpn_traffic_reports) AS known
		WHERE time >= $1 AND time < $2 AND ($3::text IS NULL OR host = $3)
		GROUP BY 1 ORDER BY 1`, f.From, f.To.AddDate(0, 0, 1), f.Host)
	if err != nil {
		return nil, fmt.Errorf("looking for what is known: %w", err)
	}
	return days, nil
}

// withoutImports calls fn in a transaction for which imports wait: it sees what they
// had committed when the lock was granted.
func (db *DB) withoutImports(ctx context.Context, fn func(*sql.Tx) error) error {
	return db.Explain(ctx, pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `LOCK TABLE vpn_traffic_reports IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("waiting for imports to end: %w", err)
		}
		return fn(tx)
	}))
}

// Forget deletes what there is of a day: rows, sums, reports and what was noted of
// them, so that the day can be imported anew; of addresses, rows and sums. It is one
// transaction, for which imports wait. Only the owner can.
func (db *DB) Forget(ctx context.Context, f *Forgotten, day time.Time) error {
	err := db.withoutImports(ctx, func(tx *sql.Tx) error {
		if err := forgetSummaries(ctx, tx, day); err != nil {
			return err
		}
		if len(f.Addresses) > 0 {
			return f.forgetAddresses(ctx, tx, day)
		}
		return f.forgetDay(ctx, tx, day)
	})
	if err != nil {
		return fmt.Errorf("forgetting %s: %w", day.Format(time.DateOnly), err)
	}
	return nil
}

// forgetSummaries deletes the sums that SumUp has made of a day, and of longer times that it
// is in, for SumUp to make them anew.
func forgetSummaries(ctx context.Context, tx *sql.Tx, day time.Time) error {
	if err := outdateDay(ctx, tx, day); err != nil {
		return err
	}
	for _, t := range schema.Summaries {
		first, next := t.Around(day)
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t.Name+` WHERE time >= $1 AND time < $2`, first, next); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return nil
}

func (f *Forgotten) forgetDay(ctx context.Context, tx *sql.Tx, day time.Time) error {
	tables := []string{"vpn_traffic", "vpn_traffic_minute_reports", "vpn_traffic_hour_reports", "vpn_traffic_reports"}
	for _, t := range schema.Rollups {
		tables = append(tables, t.Name)
	}
	condition, args := f.where(day)
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+condition, args...); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	// Of a host alone, the rows of others are gone still.
	_, err := tx.ExecContext(ctx, `DELETE FROM vpn_traffic_gone WHERE first = $1::date AND next = first + 1 AND NOT EXISTS (
		SELECT FROM vpn_traffic_reports WHERE time >= $2 AND time < $3 AND expired)`, day.Format(time.DateOnly), day, day.AddDate(0, 0, 1))
	return err
}

// ForgetNames forgets the values and names that no sums have any more, as those of
// days that were forgotten. Only the owner can.
func (db *DB) ForgetNames(ctx context.Context) error {
	err := db.withoutImports(ctx, func(tx *sql.Tx) error {
		for _, statement := range [...]string{
			`DELETE FROM vpn_traffic_values`,
			`SELECT vpn_traffic_refill_values()`,
			`DELETE FROM vpn_traffic_name_history AS l WHERE NOT EXISTS (SELECT FROM vpn_traffic_values AS v WHERE v.kind = l.kind AND v.value = l.address)
				OR host <> '' AND NOT EXISTS (SELECT FROM vpn_traffic_values AS v WHERE v.kind = 'host' AND v.value = l.host)`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting names: %w", err)
	}
	db.forgetNames()
	return nil
}

// ForgetLost deletes the reports of a day whose rows are all gone, so that they can
// be imported anew once the sums are made again without them.
func (db *DB) ForgetLost(ctx context.Context, day time.Time) error {
	err := db.withoutImports(ctx, func(tx *sql.Tx) error {
		if dropped, err := gone(ctx, tx, day); err != nil || dropped["raw"] {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM vpn_traffic_reports AS r WHERE time >= $1 AND time < $2
			AND NOT EXISTS (SELECT FROM vpn_traffic AS v WHERE v.host = r.host AND v.time = r.time AND v.time >= $1 AND v.time < $2)`, day, day.AddDate(0, 0, 1))
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting what is lost of %s: %w", day.Format(time.DateOnly), err)
	}
	return nil
}

// lost returns how many reports of a day are known whose rows are all gone, as
// after somebody has truncated or dropped a table.
func lost(ctx context.Context, tx *sql.Tx, day time.Time) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM vpn_traffic_reports AS r
		LEFT JOIN (SELECT DISTINCT host, time FROM vpn_traffic WHERE time >= $1 AND time < $2) AS rows USING (host, time)
		WHERE time >= $1 AND time < $2 AND rows.host IS NULL`, day, day.AddDate(0, 0, 1)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("comparing rows with reports: %w", err)
	}
	return n, nil
}

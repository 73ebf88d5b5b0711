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

// Unit is a time of which SumUp has made longer sums.
type Unit struct {
	Name        string // quarter_day (all of a day), day, third_month, month or quarter
	First, Next time.Time
}

// Units returns those that a day between from and to is in, of which some hold, the shortest
// first: VerifyUnit compares longer ones with these. Those without reports are among them only
// if somebody has put sums there.
func (db *DB) Units(ctx context.Context, from, to time.Time) ([]Unit, error) {
	filled := []string{`EXISTS (SELECT FROM vpn_traffic_hour_reports WHERE time >= s.first AND time < s.next)`}
	for _, t := range schema.Summaries {
		filled = append(filled, fmt.Sprintf(`unit = '%s' AND EXISTS (SELECT FROM %s WHERE time >= s.first AND time < s.next)`, t.Unit, t.Name))
	}
	units, err := listOf(ctx, db.Pool, scanUnit, `
		SELECT unit, CASE unit WHEN 'quarter_day' THEN vpn_traffic_begin('day', first) ELSE first END AS first,
			max(CASE unit WHEN 'quarter_day' THEN vpn_traffic_begin('day', first) + interval '24 hours' ELSE next END) AS next
		FROM vpn_traffic_summed_up AS s WHERE valid AND next > $1 AND first < $2 AND (`+strings.Join(filled, " OR ")+`)
		GROUP BY 1, 2 ORDER BY min(next - first), 2`, from, to.AddDate(0, 0, 1))
	if err != nil {
		return nil, explainMissing(fmt.Errorf("listing longer sums: %w", err))
	}
	return units, nil
}

func scanUnit(scan scanner, u *Unit) error {
	err := scan(&u.Name, &u.First, &u.Next)
	u.First, u.Next = u.First.UTC(), u.Next.UTC()
	return err
}

// VerifyUnit compares the sums of a unit, as far as they hold, with those that they are
// made of, as one moment shows both, and returns those that differ. So they can be verified
// where rows are gone. With repair it deletes them, for SumUp to make them anew, and the
// functions read others until then. Imports do not wait for it.
func (db *DB) VerifyUnit(ctx context.Context, unit Unit, repair bool) (differences []Difference, err error) {
	err = db.asOfNow(ctx, func(tx *sql.Tx) error {
		differences, err = compare(ctx, tx, unit.checks(), false)
		return err
	})
	if err != nil || len(differences) == 0 {
		return nil, err
	}
	// A partition that was dropped meanwhile is empty also for whoever saw it full before.
	if holds, err := unit.holds(ctx, db.Pool); err != nil || !holds {
		return nil, err
	}
	if !repair {
		return differences, nil
	}
	for i := range differences {
		differences[i].Repaired = true
	}
	return differences, db.Explain(ctx, pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		return forgetSummaries(ctx, tx, unit.First)
	}))
}

func (u *Unit) checks() (all []check) {
	for _, t := range schema.Summaries {
		if t.Unit == u.Name {
			c := checkOf(&t.Rollup, t.Finer, u.First, u.Next)
			c.among = fmt.Sprintf(` AND vpn_traffic_begin('%s', time) IN (SELECT first FROM vpn_traffic_summed_up
				WHERE unit = '%[1]s' AND valid AND first >= $1 AND first < $2)`, u.Name)
			all = append(all, c)
		}
	}
	return all
}

// holds reports whether some of its sums hold.
func (u *Unit) holds(ctx context.Context, pool *sql.DB) (holds bool, err error) {
	err = pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM vpn_traffic_summed_up WHERE unit = $1 AND valid AND first >= $2 AND first < $3)`,
		u.Name, u.First, u.Next).Scan(&holds)
	return holds, err
}

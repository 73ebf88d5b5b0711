package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
)

// Unit is a time of which SumUp has made longer sums.
type Unit struct {
	Name        string // day, third_month, month or quarter
	First, Next time.Time
}

// Units returns those with reports that a day between from and to is in and whose sums hold,
// the shortest first: VerifyUnit compares longer ones with these. A day stands for its
// quarters, too.
func (db *DB) Units(ctx context.Context, from, to time.Time) ([]Unit, error) {
	units, err := listOf(ctx, db.Pool, scanUnit, `
		SELECT unit, first, next FROM vpn_traffic_summed_up AS s
		WHERE valid AND unit <> 'quarter_day' AND next > $1 AND first < $2
		AND EXISTS (SELECT FROM vpn_traffic_hour_reports WHERE time >= s.first AND time < s.next)
		ORDER BY next - first, first`, from, to.AddDate(0, 0, 1))
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

// VerifyUnit compares the sums of a unit, as long as they hold, with those that they are
// made of, as one moment shows both, and returns those that differ. So they can be verified
// where rows are gone. With repair it has SumUp make them anew. Imports do not wait for it.
func (db *DB) VerifyUnit(ctx context.Context, unit Unit, repair bool) (differences []Difference, err error) {
	err = db.asOfNow(ctx, func(tx *sql.Tx) error {
		differences, err = unit.differences(ctx, tx, repair)
		return err
	})
	if err != nil || len(differences) == 0 || !repair {
		return differences, err
	}
	return differences, db.Explain(ctx, pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		return outdateDay(ctx, tx, unit.First)
	}))
}

func (u *Unit) differences(ctx context.Context, tx *sql.Tx, repair bool) (differences []Difference, err error) {
	if holds, err := u.holds(ctx, tx); err != nil || !holds {
		return nil, err
	}
	for _, t := range schema.Summaries {
		if t.Unit != u.Name && (t.Unit != "quarter_day" || u.Name != "day") {
			continue
		}
		c := checkOf(&t.Rollup, t.Finer, u.First, u.Next)
		n, err := c.differing(ctx, tx)
		if err != nil {
			return nil, fmt.Errorf("verifying %s: %w", t.Name, err)
		}
		if n > 0 {
			differences = append(differences, Difference{Table: t.Name, From: t.Finer, Day: u.First, Keys: n, Repaired: repair})
		}
	}
	return differences, nil
}

func (u *Unit) holds(ctx context.Context, tx *sql.Tx) (holds bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM vpn_traffic_summed_up WHERE unit = $1 AND first = $2 AND valid)`, u.Name, u.First).Scan(&holds)
	return holds, err
}

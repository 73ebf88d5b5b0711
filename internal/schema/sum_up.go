package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// listPatience is how long the listing of what is over, four times a day, waits for
// running imports. Later ones wait behind it.
const listPatience = 5 * time.Second

// SumUp makes the longer sums that are due, of days and months that are over, for about
// as long as limit says, and reports whether some are left. Those that somebody adds to
// meanwhile are left for another time. The functions that answer questions read them in
// place of the sums of hours, as long as they hold.
func (db *DB) SumUp(ctx context.Context, limit time.Duration) (left bool, err error) {
	begun := time.Now()
	err = db.execPatiently(ctx, listPatience, `SELECT vpn_traffic_list_sums()`)
	if err != nil && !isOutrun(err) {
		return false, fmt.Errorf("listing days to sum up: %w", err)
	}
	for after := (unit{}); ; {
		due, err := db.nextUnit(ctx, after)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("looking for days to sum up: %w", err)
		}
		if time.Since(begun) > limit {
			return true, nil
		}
		err = db.execPatiently(ctx, dropPatience, `SELECT vpn_traffic_sum_up($1, $2)`, due.name, due.first)
		if err != nil && !isOutrun(err) {
			return false, fmt.Errorf("summing up the %s from %s: %w", due.name, due.first.UTC().Format(time.DateOnly), err)
		}
		after = due
	}
}

// unit is a day, say, to sum up.
type unit struct {
	place int
	name  string
	first time.Time
}

// nextUnit returns what is due next: first the shortest, of which others are made.
func (db *DB) nextUnit(ctx context.Context, after unit) (next unit, err error) {
	err = db.Pool.QueryRowContext(ctx, `SELECT place, unit, first FROM vpn_traffic_sums_due WHERE (place, first) > ($1, $2)
		ORDER BY place, first LIMIT 1`, after.place, after.first).Scan(&next.place, &next.name, &next.first)
	return next, err
}

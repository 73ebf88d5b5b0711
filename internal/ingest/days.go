package ingest

import (
	"context"
	"fmt"
	"time"
)

// NewDays is how many past days, of which the database has nothing yet, a file may
// bring unless somebody says more. A day costs some twenty tables and indexes, however
// few its rows: a file with a row a day for some years would cost thousands. What
// a gateway sends is of one day, or of those of an outage.
const NewDays = 31

// dayLimit bounds the days that a file may bring. What is beyond is rejected.
type dayLimit struct {
	Most int // past days that the database has not; 0 for no limit
	// Has reports whether the database has partitions for a day.
	Has func(ctx context.Context, day time.Time) (bool, error)

	known map[int64]bool // days of which it has, or that are not past
	fresh map[int64]bool // days that the file brings
	last  int64          // day that was decided last, and
	taken bool           // how
	begun bool
}

// file begins a file.
func (d *dayLimit) file() {
	if d != nil {
		d.fresh, d.begun = nil, false
	}
}

// take reports whether rows of a time are taken.
func (d *dayLimit) take(ctx context.Context, ns int64) (bool, error) {
	const length = int64(24 * time.Hour)
	day := ns / length // no row is of before 1970
	if d == nil {
		return true, nil
	}
	if d.Most <= 0 || d.begun && day == d.last {
		return d.Most <= 0 || d.taken, nil
	}
	taken, err := d.decide(ctx, day)
	if err == nil {
		d.last, d.taken, d.begun = day, taken, true
	}
	return taken, err
}

func (d *dayLimit) decide(ctx context.Context, day int64) (taken bool, err error) {
	if d.known[day] || d.fresh[day] {
		return true, nil
	}
	begin := time.Unix(0, 0).UTC().AddDate(0, 0, int(day))
	has := time.Since(begin) < 24*time.Hour
	if !has {
		if has, err = d.Has(ctx, begin); err != nil {
			return false, fmt.Errorf("looking for the partition of a day: %w", err)
		}
	}
	switch {
	case has:
		set(&d.known, day)
	case len(d.fresh) < d.Most:
		set(&d.fresh, day)
	default:
		return false, nil
	}
	return true, nil
}

func set(days *map[int64]bool, day int64) {
	if *days == nil {
		*days = make(map[int64]bool)
	}
	(*days)[day] = true
}

// beyond says why a row of a day too many is rejected.
func (d *dayLimit) beyond(ns int64) error {
	return fmt.Errorf("of %s, beyond the %d days of the past that one file may bring when the database has nothing of them: "+
		`if its times are right, import it with "psql-sink import -days 0"`, time.Unix(0, ns).UTC().Format(time.DateOnly), d.Most)
}

package ingest

import (
	"context"
	"fmt"
	"time"
)

// NewDays is how many past days that the database has nothing of yet a file may bring
// by default. A day costs some twenty tables and indexes, however
// few its rows: a file with a row a day for some years would cost thousands. What
// a gateway sends is of one day, or of those of an outage.
const NewDays = 31

// knownDays remembers which days a file may bring.
type knownDays struct {
	there map[int64]bool // days that the database has, or that are not past
	taken map[int64]bool // of the other days of the file, whether it may bring them
	fresh int            // how many of these it may
}

func (k *knownDays) beginFile() {
	k.taken, k.fresh = make(map[int64]bool), 0
	if k.there == nil {
		k.there = make(map[int64]bool)
	}
}

// takesDay reports whether rows of a time are taken.
func (f *Files) takesDay(ctx context.Context, ns int64) (taken bool, err error) {
	k, day := &f.days, ns/int64(24*time.Hour) // no row is of before 1970
	if f.Days <= 0 || k.there[day] {
		return true, nil
	}
	if taken, decided := k.taken[day]; decided {
		return taken, nil
	}
	begin := time.Unix(0, 0).UTC().AddDate(0, 0, int(day))
	has := time.Since(begin) < 24*time.Hour
	if !has {
		if has, err = f.HasDay(ctx, begin); err != nil {
			return false, fmt.Errorf("looking for the partition of a day: %w", err)
		}
	}
	if has {
		k.there[day] = true
		return true, nil
	}
	taken = k.fresh < f.Days
	if taken {
		k.fresh++
	}
	k.taken[day] = taken
	return taken, nil
}

// beyondDays says why a row of a day too many is rejected.
func (f *Files) beyondDays(ns int64) error {
	return fmt.Errorf("of %s, beyond the %d days of the past that one file may bring when the database has nothing of them: "+
		`if its times are right, import it with "psql-sink import -days 0"`, time.Unix(0, ns).UTC().Format(time.DateOnly), f.Days)
}

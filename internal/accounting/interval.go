package accounting

import (
	"bytes"
	"cmp"
	"slices"
)

// Interval holds the series of an interval that is over, apart from the Tracker:
// who passes them on may take his time while the next interval is accounted. Its
// memory is used again by the next [Tracker.Take] into it.
type Interval struct {
	rows  []Series
	order []ordered
}

// ordered is a row of an interval, with what it is ordered by.
type ordered struct {
	src Addr
	row int32
}

// Each passes each series with traffic, closed or open connections to emit, by
// source. The metrics of a gather travel in batches: each of these is of few
// sources then, and the database adds each to few sums.
func (v *Interval) Each(emit func(*Series)) {
	v.order = reuse(v.order)
	for i := range v.rows {
		if s := &v.rows[i]; !s.empty() {
			v.order = append(v.order, ordered{s.Key.Src.Addr, int32(i)})
		}
	}
	slices.SortFunc(v.order, func(a, b ordered) int {
		if by := bytes.Compare(a.src[:], b.src[:]); by != 0 {
			return by
		}
		return cmp.Compare(a.row, b.row)
	})
	for _, o := range v.order {
		emit(&v.rows[o.row])
	}
}

package accounting

import (
	"bytes"
	"cmp"
	"slices"
)

// Interval holds the series of an interval that is over. It is independent of the
// Tracker, so the series can be passed on slowly while the next interval is accounted.
// The next [Tracker.Take] into it reuses its memory.
type Interval struct {
	rows  []Series
	order []ordered
}

// ordered is a row of an interval, with its sort key.
type ordered struct {
	src Addr
	row int32
}

// Each calls emit with each series that has traffic, or closed or open connections,
// ordered by source. The metrics of a gather travel in batches; with this order, a batch
// has few sources, so that the database adds it to few sums.
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

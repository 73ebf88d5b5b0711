package trafficdb

import (
	"cmp"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/report"
)

// batch is what one import stores: some of the rows it was given, in an order
// of its own. The rows themselves stay as the caller has them.
type batch struct {
	host  string
	rows  []report.Row
	order []int32 // indexes of rows

	expired int // rows that were taken out because their report is expired
}

// newBatch orders rows by key, and of rows with one key takes the first.
// Sorting by time keeps the BRIN index narrow, and the rest keeps neighbours
// in the B-tree together.
func newBatch(host string, rows []report.Row) *batch {
	b := &batch{host: host, rows: rows, order: make([]int32, len(rows))}
	for i := range b.order {
		b.order[i] = int32(i)
	}
	slices.SortFunc(b.order, func(i, j int32) int {
		return cmp.Or(compareKey(&rows[i], &rows[j]), cmp.Compare(i, j))
	})
	b.order = slices.CompactFunc(b.order, func(i, j int32) bool { return compareKey(&rows[i], &rows[j]) == 0 })
	return b
}

// times returns the distinct times, in order, and of each whether a row has
// open_connections.
func (b *batch) times() (times []int64, tracked []bool) {
	for _, i := range b.order {
		if us := b.rows[i].Micros(); len(times) == 0 || us != times[len(times)-1] {
			times, tracked = append(times, us), append(tracked, false)
		}
		if b.rows[i].HasOpen {
			tracked[len(tracked)-1] = true
		}
	}
	return times, tracked
}

// expire takes the rows of a time out of the order.
func (b *batch) expire(us int64) {
	before := len(b.order)
	b.order = slices.DeleteFunc(b.order, func(i int32) bool { return b.rows[i].Micros() == us })
	b.expired += before - len(b.order)
}

// find returns where in the order the row is that has this time, in
// microseconds, and otherwise the same key as row.
func (b *batch) find(us int64, row *report.Row) (int, bool) {
	return slices.BinarySearchFunc(b.order, row, func(i int32, row *report.Row) int {
		return cmp.Or(cmp.Compare(b.rows[i].Micros(), us), compareSeries(&b.rows[i], row))
	})
}

// drop takes those out of the order for which gone, of the order's length, is
// true.
func (b *batch) drop(gone []bool) {
	kept := b.order[:0]
	for n, i := range b.order {
		if !gone[n] {
			kept = append(kept, i)
		}
	}
	b.order = kept
}

// compareKey compares what rows of one host are known by. Times count as they
// are stored.
func compareKey(a, b *report.Row) int {
	if a.Time != b.Time {
		if c := cmp.Compare(a.Micros(), b.Micros()); c != 0 {
			return c
		}
	}
	return compareSeries(a, b)
}

func compareSeries(a, b *report.Row) int {
	if c := strings.Compare(a.Src, b.Src); c != 0 {
		return c
	}
	if c := strings.Compare(a.Dst, b.Dst); c != 0 {
		return c
	}
	if c := strings.Compare(a.Proto, b.Proto); c != 0 {
		return c
	}
	return cmp.Compare(a.Port, b.Port)
}

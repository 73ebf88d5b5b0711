package store

import (
	"cmp"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// batch is what one import stores: some of the rows it was given, in an order
// of its own. The rows themselves stay as the caller has them.
type batch struct {
	host    string
	rows    *Rows
	entries []entry

	texts []string // those of rows, in order
	ranks []uint32 // where each is in texts, by its number in rows

	expired   int // rows that were taken out because their report is expired
	conflicts int // rows that were taken out though their numbers differ from those of the first of their key
}

// entry is a row in the batch: its key, and where it is in rows. Numbers stand
// for texts and order as those do, which makes sorting and summing up cheap.
type entry struct {
	key
	row int32
}

// key is what a row of one host is known by. Rollups use it too, and set what
// they do not tell apart to noText.
type key struct {
	us              int64 // its time in microseconds, as it is stored
	src, dst, proto uint32
	port            int32
}

// noText is the number of no text.
const noText = ^uint32(0)

// compareKeys compares column by column and stops at the first difference: it
// is most of the cost of sorting.
func compareKeys(a, b *key) int {
	switch {
	case a.us != b.us:
		return cmp.Compare(a.us, b.us)
	case a.src != b.src:
		return cmp.Compare(a.src, b.src)
	case a.dst != b.dst:
		return cmp.Compare(a.dst, b.dst)
	case a.proto != b.proto:
		return cmp.Compare(a.proto, b.proto)
	}
	return cmp.Compare(a.port, b.port)
}

// newBatch orders rows by key, and of rows with one key takes the first.
func newBatch(host string, rows *Rows) *batch {
	b := &batch{host: host, rows: rows, entries: make([]entry, rows.Len())}
	b.orderTexts()
	for i := range rows.list {
		p := &rows.list[i]
		b.entries[i] = entry{key{reportfile.Micros(p.time), b.ranks[p.src], b.ranks[p.dst], b.ranks[p.proto], p.port}, int32(i)}
	}
	slices.SortFunc(b.entries, func(x, y entry) int {
		if order := compareKeys(&x.key, &y.key); order != 0 {
			return order
		}
		return cmp.Compare(x.row, y.row)
	})
	b.entries = slices.CompactFunc(b.entries, func(x, y entry) bool {
		if x.key != y.key {
			return false
		}
		if b.row(&x).conflicts(b.row(&y)) {
			b.conflicts++
		}
		return true
	})
	return b
}

// orderTexts numbers the texts in their order.
func (b *batch) orderTexts() {
	arrived := b.rows.texts.list
	order := make([]uint32, len(arrived))
	for id := range order {
		order[id] = uint32(id)
	}
	slices.SortFunc(order, func(x, y uint32) int { return strings.Compare(arrived[x], arrived[y]) })
	b.texts, b.ranks = make([]string, len(arrived)), make([]uint32, len(arrived))
	for rank, id := range order {
		b.texts[rank], b.ranks[id] = arrived[id], uint32(rank)
	}
}

// row returns the row of an entry.
func (b *batch) row(e *entry) *packedRow { return &b.rows.list[e.row] }

// rank returns the number of a text.
func (b *batch) rank(text string) (uint32, bool) {
	id, known := b.rows.texts.ids[text]
	if !known {
		return noText, false
	}
	return b.ranks[id], true
}

// sources returns the distinct sources, in order.
func (b *batch) sources() (list []string) {
	is := make([]bool, len(b.texts))
	for i := range b.entries {
		is[b.entries[i].src] = true
	}
	for n, text := range b.texts {
		if is[n] {
			list = append(list, text)
		}
	}
	return list
}

// times returns the distinct times, in order, and of each whether a row has
// open_connections.
func (b *batch) times() (times []int64, tracked []bool) {
	for i := range b.entries {
		e := &b.entries[i]
		if len(times) == 0 || e.us != times[len(times)-1] {
			times, tracked = append(times, e.us), append(tracked, false)
		}
		if b.row(e).open != notOpen {
			tracked[len(tracked)-1] = true
		}
	}
	return times, tracked
}

// expire takes the rows of a time out of the batch.
func (b *batch) expire(us int64) {
	before := len(b.entries)
	b.entries = slices.DeleteFunc(b.entries, func(e entry) bool { return e.us == us })
	b.expired += before - len(b.entries)
}

// find returns which of the entries has this time and otherwise the same key
// as row.
func (b *batch) find(us int64, row *reportfile.Row) (int, bool) {
	src, known := b.rank(row.Src)
	dst, knownDst := b.rank(row.Dst)
	proto, knownProto := b.rank(row.Proto)
	if !known || !knownDst || !knownProto {
		return 0, false
	}
	return slices.BinarySearchFunc(b.entries, key{us, src, dst, proto, row.Port}, func(e entry, k key) int {
		return compareKeys(&e.key, &k)
	})
}

// drop takes those entries out for which gone is true.
func (b *batch) drop(gone []bool) {
	kept := b.entries[:0]
	for n, e := range b.entries {
		if !gone[n] {
			kept = append(kept, e)
		}
	}
	b.entries = kept
}

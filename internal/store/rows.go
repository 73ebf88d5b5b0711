package store

import (
	"slices"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Rows is a list of rows to import, in half the memory of a []reportfile.Row: each
// text is kept once, and in the rows the garbage collector has nothing to look
// for. The zero Rows is empty.
type Rows struct {
	list  []packedRow
	texts *textTable
}

// packedRow is a reportfile.Row with numbers for its texts.
type packedRow struct {
	time             int64    // ns since the epoch
	traffic          [5]int64 // in the order of sumColumns, up to connection_times
	count            int32
	open             int32 // notOpen for a row without
	src, dst, proto  uint32
	srcName, dstName uint32
	port             int32
}

const notOpen = -1

// conflicts reports whether two rows of one key have different numbers. A missing
// gauge, as in older files, is not a difference.
func (p *packedRow) conflicts(other *packedRow) bool {
	return p.traffic != other.traffic || p.count != other.count ||
		p.open != other.open && p.open != notOpen && other.open != notOpen
}

const (
	textMemory = 64       // of a text, besides its bytes
	muchMemory = 12 << 20 // of all texts: 150,000 addresses
)

// textTable numbers texts in the order of their arrival. The first is the empty one.
type textTable struct {
	list   []string
	ids    map[string]uint32
	memory int // bytes, more or less
}

func newTextTable() *textTable { return &textTable{list: []string{""}, ids: map[string]uint32{"": 0}} }

func (t *textTable) id(text string) uint32 {
	id, found := t.ids[text]
	if !found {
		id = uint32(len(t.list))
		t.ids[text] = id
		t.list = append(t.list, text)
		t.memory += len(text) + textMemory
	}
	return id
}

// Pack returns rows as Rows.
func Pack(rows []reportfile.Row) *Rows {
	var r Rows
	r.Grow(len(rows))
	for i := range rows {
		r.Add(&rows[i])
	}
	return &r
}

// Add adds a row, which must pass its Check.
func (r *Rows) Add(row *reportfile.Row) {
	if r.texts == nil {
		r.texts = newTextTable()
	}
	open := int32(notOpen)
	if row.HasOpen {
		open = int32(row.OpenConnections)
	}
	t := r.texts
	r.list = append(r.list, packedRow{
		time:    row.Time,
		traffic: [5]int64{row.SrcPackets, row.SrcBytes, row.DstPackets, row.DstBytes, row.ConnectionTimes},
		count:   int32(row.ConnectionCount), open: open,
		src: t.id(row.Src), dst: t.id(row.Dst), proto: t.id(row.Proto),
		srcName: t.id(row.SrcName), dstName: t.id(row.DstName),
		port: row.Port,
	})
}

// Len returns how many rows there are.
func (r *Rows) Len() int { return len(r.list) }

// Time returns the time of a row, in nanoseconds since the epoch.
func (r *Rows) Time(n int) int64 { return r.list[n].time }

// At returns a row as it was added.
func (r *Rows) At(n int) reportfile.Row {
	p, t := &r.list[n], r.texts.list
	row := reportfile.Row{
		Time: p.time, Proto: t[p.proto], Src: t[p.src], Dst: t[p.dst], Port: p.port,
		SrcPackets: p.traffic[0], SrcBytes: p.traffic[1], DstPackets: p.traffic[2], DstBytes: p.traffic[3],
		ConnectionTimes: p.traffic[4], ConnectionCount: int64(p.count),
		SrcName: t[p.srcName], DstName: t[p.dstName],
	}
	if p.open != notOpen {
		row.OpenConnections, row.HasOpen = int64(p.open), true
	}
	return row
}

// Slice returns the rows from begin on, up to but without end, which stay those
// of r.
func (r *Rows) Slice(begin, end int) *Rows { return &Rows{r.list[begin:end:end], r.texts} }

// Grow makes room for n more rows.
func (r *Rows) Grow(n int) { r.list = slices.Grow(r.list, n) }

// Heavy reports whether texts take much memory, as only rows do that no gateway
// has made.
func (r *Rows) Heavy() bool { return r.texts != nil && r.texts.memory > muchMemory }

// Reorder puts the rows that order names, which are those from begin on, into that
// order.
func (r *Rows) Reorder(begin int, order []int) {
	list := make([]packedRow, len(order))
	for i, n := range order {
		list[i] = r.list[n]
	}
	copy(r.list[begin:], list)
}

// Cut takes the first n rows away. Texts that no row has any more go when they
// take much memory.
func (r *Rows) Cut(n int) {
	r.list = append(r.list[:0], r.list[n:]...)
	if !r.Heavy() {
		return
	}
	rest := Rows{list: r.list[:0]}
	for i := range r.list {
		row := r.At(i)
		rest.Add(&row) // where it is
	}
	*r = rest
}

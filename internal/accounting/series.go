package accounting

import (
	"bytes"
	"cmp"
	"slices"
)

// SeriesKey names a series: what one accounted row is about. Zone, SourcePort
// and Mark are 0 unless GroupBy names them. The fields stand in an order that
// leaves no gaps, so that a key is hashed and compared in one piece.
type SeriesKey struct {
	Src, Dst   Group
	Proto      uint8
	Folded     bool   // MaxSeries folded several zones, source ports and marks into one
	Port       int32  // destination port of the original tuple, or OtherPorts
	Mark       uint32 // connmark under the mask
	Zone       uint16 // conntrack zone
	SourcePort uint16 // first port of the range that the opener's is in
}

// Series is what one series sent in an interval.
type Series struct {
	Key             SeriesKey
	Orig, Reply     Counters // from the opener to the responder, and back
	Connections     uint64   // connections that closed
	ConnectionTimes uint64   // sum of their lifetimes, in milliseconds
	Open            uint64   // connections open at the last dump
}

func (s *Series) empty() bool {
	return s.Orig == Counters{} && s.Reply == Counters{} && s.Connections == 0 && s.Open == 0
}

// seriesTable holds the series of one interval: at most MaxSeries of them, and
// one more for each family. When there is no room for a new one, it folds, by as
// few stages as need be: a scan of ports or a flood from any number of addresses
// costs detail but not one byte.
type seriesTable struct {
	index      map[SeriesKey]int32
	indexed    most // of index
	rows       []Series
	order      []ordered // of take, which leaves its memory here
	room       room
	unanswered int  // rows that began with a flow that nobody answered
	splits     bool // GroupBy's keys are there to be folded too
}

func newSeriesTable(limit int, splits bool) seriesTable {
	return seriesTable{index: make(map[SeriesKey]int32), room: roomOf(limit), splits: splits}
}

// get returns the row of the series, which stays valid until the next call, and
// by which stage it had to be folded. answered says whether the flow that asks
// was.
func (t *seriesTable) get(k SeriesKey, answered bool) (*Series, stage) {
	if i, ok := t.index[k]; ok {
		return &t.rows[i], whole
	}
	if t.room.has(whole, len(t.rows), t.unanswered, answered) {
		return &t.rows[t.insert(k, answered)], whole
	}
	return t.folded(k, answered)
}

// folded returns the row that a series without room of its own folds into.
func (t *seriesTable) folded(k SeriesKey, answered bool) (*Series, stage) {
	for s := foldPort; ; s++ {
		to := k.fold(s, t.splits)
		i, ok := t.index[to]
		if !ok {
			if !t.room.has(s, len(t.rows), t.unanswered, answered) {
				continue
			}
			i = t.insert(to, answered)
		}
		if to == k {
			s = whole
		}
		return &t.rows[i], s
	}
}

func (t *seriesTable) insert(k SeriesKey, answered bool) int32 {
	n := int32(len(t.rows))
	t.index[k] = n
	t.rows = append(t.rows, Series{Key: k})
	if !answered {
		t.unanswered++
	}
	return n
}

// resetOpen forgets the gauge, which each dump takes anew.
func (t *seriesTable) resetOpen() {
	for i := range t.rows {
		t.rows[i].Open = 0
	}
}

// take passes each series that has something to say to emit, by source, empties
// the table, and returns how many there were.
func (t *seriesTable) take(emit func(*Series)) (emitted uint64) {
	for _, o := range t.bySource() {
		emit(&t.rows[o.row])
	}
	emitted = uint64(len(t.order))
	t.index = shrunk(t.index, &t.indexed)
	clear(t.index)
	t.rows, t.order, t.unanswered = reuse(t.rows), reuse(t.order), 0
	return emitted
}

// ordered is a row of a seriesTable, with what it is ordered by.
type ordered struct {
	src Addr
	row int32
}

// bySource returns the rows that have something to say. The metrics of a gather
// travel in batches: each of these is of few sources then, and the database adds
// each to few sums.
func (t *seriesTable) bySource() []ordered {
	for i := range t.rows {
		if s := &t.rows[i]; !s.empty() {
			t.order = append(t.order, ordered{s.Key.Src.Addr, int32(i)})
		}
	}
	slices.SortFunc(t.order, func(a, b ordered) int {
		if by := bytes.Compare(a.src[:], b.src[:]); by != 0 {
			return by
		}
		return cmp.Compare(a.row, b.row)
	})
	return t.order
}

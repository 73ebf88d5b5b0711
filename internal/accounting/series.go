package accounting

// SeriesKey identifies a series, which becomes one row. Zone, SourcePort and Mark are 0
// unless GroupBy uses them. The order of the fields leaves no gaps, so that a key is
// hashed and compared in one piece.
type SeriesKey struct {
	Src, Dst   Group
	Proto      uint8
	Folded     bool   // MaxSeries folded several zones, source ports and marks into one
	Port       int32  // destination port of the original tuple, or OtherPorts
	Mark       uint32 // connmark under the mask
	Zone       uint16 // conntrack zone
	SourcePort uint16 // first port of the range that the opener's is in
}

// Series is the traffic of one series in an interval.
type Series struct {
	Key             SeriesKey
	Orig, Reply     Counters // sent and received by the opener
	Connections     uint64   // connections that closed
	ConnectionTimes uint64   // sum of their lifetimes, in milliseconds
	Open            uint64   // connections open at the last dump
}

func (s *Series) empty() bool {
	return s.Orig == Counters{} && s.Reply == Counters{} && s.Connections == 0 && s.Open == 0
}

func (s *Series) merge(r *Series) {
	s.Orig.add(r.Orig)
	s.Reply.add(r.Reply)
	s.Connections += r.Connections
	s.ConnectionTimes += r.ConnectionTimes
	s.Open += r.Open
}

// seriesTable holds the series of one interval: at most MaxSeries, and one more for each
// family. A new series without room folds, by as few stages as possible: a port scan, or
// a flood from any number of addresses, costs detail, but every byte is counted.
type seriesTable struct {
	index      map[SeriesKey]int32
	indexed    most // of index
	rows       []Series
	room       room
	unanswered int  // rows that began with a flow that nobody answered
	splits     bool // GroupBy's keys are there to be folded too
}

func newSeriesTable(limit int, splits bool) seriesTable {
	return seriesTable{index: make(map[SeriesKey]int32), room: roomOf(limit), splits: splits}
}

// get returns the row of the series, which is valid until the next call, and the stage
// that folded it. answered is whether the flow was answered.
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

// resetOpen resets Series.Open, which each dump counts again.
func (t *seriesTable) resetOpen() {
	for i := range t.rows {
		t.rows[i].Open = 0
	}
}

// swap hands the rows over to an interval, takes its memory in exchange, and returns how
// many rows are not empty.
func (t *seriesTable) swap(with *Interval) (emitted uint64) {
	for i := range t.rows {
		if !t.rows[i].empty() {
			emitted++
		}
	}
	with.rows, t.rows = t.rows, reuse(with.rows)
	t.index = shrunk(t.index, &t.indexed)
	clear(t.index)
	t.unanswered = 0
	return emitted
}

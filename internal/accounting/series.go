package accounting

// SeriesKey names a series: what one accounted row is about.
type SeriesKey struct {
	Src, Dst Addr  // groups: masked addresses
	Port     int32 // destination port of the original tuple, or OtherPorts
	Proto    uint8
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

// seriesTable holds the series of one interval. It folds a new series into
// port -1 of its pair once it holds max of them, so that a port scan (65,536
// series a pair) costs detail but not one byte.
type seriesTable struct {
	index map[SeriesKey]int32
	rows  []Series
	max   int
}

func newSeriesTable(limit int) seriesTable {
	return seriesTable{index: make(map[SeriesKey]int32), max: limit}
}

// get returns the row of the series, which stays valid until the next call.
func (t *seriesTable) get(k SeriesKey) *Series {
	if i, ok := t.index[k]; ok {
		return &t.rows[i]
	}
	if len(t.rows) >= t.max && k.Port != OtherPorts {
		k.Port = OtherPorts
		return t.get(k)
	}
	t.index[k] = int32(len(t.rows))
	t.rows = append(t.rows, Series{Key: k})
	return &t.rows[len(t.rows)-1]
}

// resetOpen forgets the gauge, which each dump takes anew.
func (t *seriesTable) resetOpen() {
	for i := range t.rows {
		t.rows[i].Open = 0
	}
}

// take passes each series that has something to say to emit, empties the
// table, and returns how many there were.
func (t *seriesTable) take(emit func(*Series)) (emitted uint64) {
	for i := range t.rows {
		if !t.rows[i].empty() {
			emitted++
			emit(&t.rows[i])
		}
	}
	clear(t.index)
	t.rows = t.rows[:0]
	return emitted
}

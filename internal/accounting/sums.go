package accounting

// Sums adds up the series of an interval by a part of their keys.
type Sums struct {
	part  func(*SeriesKey) SeriesKey
	index map[SeriesKey]int32
	rows  []Series
	last  int32 // row that was added to last
}

// SumsBy returns empty Sums by a part of the keys, such as [SourcePart].
func SumsBy(part func(*SeriesKey) SeriesKey) Sums { return Sums{part: part} }

// SourcePart is the group of the opener, for [SumsBy].
func SourcePart(k *SeriesKey) SeriesKey { return SeriesKey{Src: k.Src} }

// DestinationPart is the group of the responder, for [SumsBy].
func DestinationPart(k *SeriesKey) SeriesKey { return SeriesKey{Dst: k.Dst} }

// PortPart is the protocol and the port, for [SumsBy].
func PortPart(k *SeriesKey) SeriesKey { return SeriesKey{Proto: k.Proto, Port: k.Port} }

// RowPart is what identifies a row in the database: all but the keys of [GroupBy], for
// [SumsBy].
func RowPart(k *SeriesKey) SeriesKey {
	return SeriesKey{Src: k.Src, Dst: k.Dst, Proto: k.Proto, Port: k.Port}
}

// Add adds a series.
func (s *Sums) Add(series *Series) {
	key := s.part(&series.Key)
	if len(s.rows) == 0 || s.rows[s.last].Key != key { // series come in the order of their sources
		s.last = s.row(key)
	}
	s.rows[s.last].merge(series)
}

// row returns the row of a key.
func (s *Sums) row(key SeriesKey) int32 {
	if i, known := s.index[key]; known {
		return i
	}
	if s.index == nil {
		s.index = make(map[SeriesKey]int32)
	}
	i := int32(len(s.rows))
	s.index[key] = i
	s.rows = append(s.rows, Series{Key: key})
	return i
}

// Len returns how many sums there are: at most one for each series.
func (s *Sums) Len() int { return len(s.rows) }

// Take calls emit with each sum, in the order of their first series, and resets them.
func (s *Sums) Take(emit func(*Series)) {
	for i := range s.rows {
		emit(&s.rows[i])
	}
	s.index, s.rows = nil, nil // the next interval may have far fewer
}

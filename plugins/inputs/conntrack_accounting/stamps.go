package conntrack_accounting

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// keptStamps is how many timestamps are remembered: a day at one a second.
// savedStamps is how many of them a state holds.
const (
	keptStamps  = 86_400
	savedStamps = 512
)

// stamps gives each gather a time of its own: its whole second, or if another gather
// has that, its millisecond. Otherwise two gathers in one second, or after the clock was
// set back, would write the same (time, series) twice, and databases keep only one of
// the two. Databases compress whole seconds best. A time ahead of the clock would not be
// shown by dashboards yet.
type stamps struct {
	used  map[int64]struct{} // ms since the epoch
	order []int64            // as a ring, oldest at next
	at    int
}

func (s *stamps) next(now time.Time) time.Time {
	stamp := now.Unix() * 1000
	if s.taken(stamp) {
		stamp = now.UnixMilli()
	}
	for s.taken(stamp) {
		stamp++
	}
	s.use(stamp)
	return time.UnixMilli(stamp)
}

func (s *stamps) taken(stamp int64) bool {
	_, taken := s.used[stamp]
	return taken
}

// use remembers that a gather has the stamp.
func (s *stamps) use(stamp int64) {
	if s.used == nil {
		s.used = make(map[int64]struct{})
	}
	if s.taken(stamp) {
		return
	}
	s.used[stamp] = struct{}{}
	if len(s.order) < keptStamps {
		s.order = append(s.order, stamp)
		return
	}
	delete(s.used, s.order[s.at])
	s.order[s.at] = stamp
	s.at = (s.at + 1) % keptStamps
}

// appendTo appends the latest stamps to a state, so that a restart within a second of the
// last gather does not use them again.
func (s *stamps) appendTo(state []byte) []byte {
	latest := slices.Concat(s.order[s.at:], s.order[:s.at])
	latest = latest[max(0, len(latest)-savedStamps):]
	state = binary.LittleEndian.AppendUint32(state, uint32(len(latest)))
	for _, stamp := range latest {
		state = binary.LittleEndian.AppendUint64(state, uint64(stamp))
	}
	return state
}

var errStamps = errors.New("it has too many timestamps")

// read adds the stamps that a state begins with, and returns what follows them.
func (s *stamps) read(state []byte) (rest []byte, err error) {
	var n uint32
	size, err := binary.Decode(state, binary.LittleEndian, &n)
	if err != nil {
		return nil, err
	}
	if n > savedStamps {
		return nil, errStamps
	}
	stamps := make([]int64, n)
	if _, err := binary.Decode(state[size:], binary.LittleEndian, stamps); err != nil {
		return nil, err
	}
	for _, stamp := range stamps {
		s.use(stamp)
	}
	return state[size+8*len(stamps):], nil
}

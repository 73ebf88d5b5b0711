package conntrack_accounting

import (
	"encoding/binary"
	"errors"
	"io"
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

// write writes the latest stamps, so that a restart within a second of the last
// gather does not use them again.
func (s *stamps) write(w io.Writer) error {
	latest := append(append([]int64(nil), s.order[s.at:]...), s.order[:s.at]...)
	latest = latest[max(0, len(latest)-savedStamps):]
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(latest)))
	for _, stamp := range latest {
		b = binary.LittleEndian.AppendUint64(b, uint64(stamp))
	}
	_, err := w.Write(b)
	return err
}

var errStamps = errors.New("it has too many timestamps")

// read adds the stamps that were written, and returns how many bytes they took.
func (s *stamps) read(r io.Reader) (size int64, err error) {
	var n uint32
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return 0, err
	}
	if n > savedStamps {
		return 0, errStamps
	}
	stamps := make([]int64, n)
	if err := binary.Read(r, binary.LittleEndian, stamps); err != nil {
		return 0, err
	}
	for _, stamp := range stamps {
		s.use(stamp)
	}
	return 4 + 8*int64(n), nil
}

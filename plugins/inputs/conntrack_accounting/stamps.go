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

// stamps gives each gather a whole second of its own. Two gathers in one
// second, or after the clock was set back, would otherwise write the same
// (time, series) twice, and the databases keep only one of the two.
type stamps struct {
	used  map[int64]struct{}
	order []int64 // as a ring, oldest at next
	at    int
}

func (s *stamps) next(now time.Time) time.Time {
	second := now.Unix()
	for _, taken := s.used[second]; taken; _, taken = s.used[second] {
		second++
	}
	s.use(second)
	return time.Unix(second, 0)
}

// use remembers that a gather has the second.
func (s *stamps) use(second int64) {
	if s.used == nil {
		s.used = make(map[int64]struct{})
	}
	if _, taken := s.used[second]; taken {
		return
	}
	s.used[second] = struct{}{}
	if len(s.order) < keptStamps {
		s.order = append(s.order, second)
		return
	}
	delete(s.used, s.order[s.at])
	s.order[s.at] = second
	s.at = (s.at + 1) % keptStamps
}

// write writes the latest stamps, so that a restart within a second of the last
// gather does not use it again.
func (s *stamps) write(w io.Writer) error {
	latest := append(append([]int64(nil), s.order[s.at:]...), s.order[:s.at]...)
	latest = latest[max(0, len(latest)-savedStamps):]
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(latest)))
	for _, second := range latest {
		b = binary.LittleEndian.AppendUint64(b, uint64(second))
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
	seconds := make([]int64, n)
	if err := binary.Read(r, binary.LittleEndian, seconds); err != nil {
		return 0, err
	}
	for _, second := range seconds {
		s.use(second)
	}
	return 4 + 8*int64(n), nil
}

package conntrack_accounting

import "time"

// keptStamps is how many timestamps are remembered: a day at one a second.
const keptStamps = 86_400

// stamps gives each gather a whole second of its own. Two gathers in one
// second, or after the clock was set back, would otherwise write the same
// (time, series) twice, and the databases keep only one of the two.
type stamps struct {
	used  map[int64]struct{}
	order []int64 // as a ring, oldest at next
	at    int
}

func (s *stamps) next(now time.Time) time.Time {
	if s.used == nil {
		s.used = make(map[int64]struct{})
	}
	second := now.Unix()
	for _, taken := s.used[second]; taken; _, taken = s.used[second] {
		second++
	}
	s.used[second] = struct{}{}
	if len(s.order) < keptStamps {
		s.order = append(s.order, second)
		return time.Unix(second, 0)
	}
	delete(s.used, s.order[s.at])
	s.order[s.at] = second
	s.at = (s.at + 1) % keptStamps
	return time.Unix(second, 0)
}

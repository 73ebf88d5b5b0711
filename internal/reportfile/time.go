package reportfile

import (
	"errors"
	"time"
)

// The times that rows can have: nobody accounted before the year 2000, and a
// gateway's clock may be ahead of ours by two days.
const (
	Earliest = 946_684_800 * int64(time.Second)
	Ahead    = 48 * time.Hour
)

var (
	errSeconds = errors.New("time is in seconds, it seems, not in nanoseconds")
	errMillis  = errors.New("time is in milliseconds, it seems, not in nanoseconds")
	errMicros  = errors.New("time is in microseconds, it seems, not in nanoseconds")
	errEarly   = errors.New("time is before 2000: a clock was off")
	errLate    = errors.New("time is more than two days ahead: the clock of the gateway is off, or the one here")
)

// CheckTime says why a time, in nanoseconds since the epoch, cannot be one of
// traffic, or returns nil. It guesses what it is instead.
func CheckTime(ns int64) error {
	var h horizon
	return h.check(ns)
}

// horizon remembers what was the latest time that a row could have. As long as
// rows are older, nobody asks the clock.
type horizon struct{ latest int64 }

func (h *horizon) check(ns int64) error {
	if ns > h.latest {
		h.latest = time.Now().Add(Ahead).UnixNano()
	}
	if ns >= Earliest && ns <= h.latest {
		return nil
	}
	for _, unit := range [...]struct {
		ns  time.Duration
		err error
	}{{time.Second, errSeconds}, {time.Millisecond, errMillis}, {time.Microsecond, errMicros}} {
		if n := int64(unit.ns); ns >= Earliest/n && ns <= h.latest/n {
			return unit.err
		}
	}
	if ns < Earliest {
		return errEarly
	}
	return errLate
}

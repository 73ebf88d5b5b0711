package vpn_traffic

import (
	"sync"
	"time"
)

const (
	rejectionsEvery  = 10 * time.Minute
	rejectionSenders = 1000 // beyond which all are forgotten: strangers come from any number of addresses
)

// rejections remembers when it was logged that metrics of a sender are rejected: a client
// that is set up wrong, or hostile, would have it logged with each of its requests.
type rejections struct {
	mu sync.Mutex
	of map[string]rejection
}

type rejection struct {
	logged time.Time
	since  int // metrics that were rejected and not logged
}

// due counts rejected metrics of a sender. It reports whether to log that, and how many have
// not been logged before them.
func (r *rejections) due(sender string, now time.Time, n int) (before int, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= rejectionSenders {
		r.of = make(map[string]rejection)
	}
	last, known := r.of[sender]
	if known && now.Sub(last.logged) < rejectionsEvery {
		last.since += n
		r.of[sender] = last
		return 0, false
	}
	r.of[sender] = rejection{logged: now}
	return last.since, true
}

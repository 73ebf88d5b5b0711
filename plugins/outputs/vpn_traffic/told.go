package vpn_traffic

import "sync"

// told knows what was told already, to tell it once.
type told struct {
	mu   sync.Mutex
	what map[string]bool
}

// first reports whether this is told for the first time, or for the first time
// in long.
func (t *told) first(what string) bool {
	const enough = 1000 // to remember
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.what[what] {
		return false
	}
	if t.what == nil || len(t.what) >= enough {
		t.what = make(map[string]bool)
	}
	t.what[what] = true
	return true
}

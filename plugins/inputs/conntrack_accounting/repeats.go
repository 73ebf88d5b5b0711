package conntrack_accounting

import (
	"sync/atomic"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// repeats finds out whether the kernel may repeat DESTROY events: it does when another
// listener for reliable events had no room for them. They then wait on the dying list
// until all listeners have them.
type repeats struct {
	waiting atomic.Bool   // the dying list was not empty, or not all of it was handled
	drops   atomic.Uint64 // of other listeners, when the dying list was empty and all events were handled
}

// possible reports whether an event may come twice.
func (r *repeats) possible(l *ctnetlink.Listener) bool {
	if r.waiting.Load() {
		return true
	}
	drops, err := l.OthersDrops()
	return err != nil || drops != r.drops.Load()
}

// noteDump notes, after a dump, whether all events were handled and none waited on the
// dying list; drops are those of other listeners before that list was read.
func (r *repeats) noteDump(drained bool, drops uint64, err error) {
	if drained && err == nil {
		r.drops.Store(drops)
	}
	r.waiting.Store(!drained || err != nil)
}

package conntrack_accounting

import (
	"sync/atomic"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// repeats knows whether the kernel may send DESTROY events to us again: when
// another listener, who asked for reliable events, too, could not take them. They
// wait on the dying list then, until all have them.
type repeats struct {
	waiting atomic.Bool   // the dying list was not empty, or not all of it was handled
	drops   atomic.Uint64 // of others, when it was empty and all events were handled
}

// possible reports whether an event may have come twice.
func (r *repeats) possible(l *ctnetlink.Listener) bool {
	if r.waiting.Load() {
		return true
	}
	drops, err := l.OthersDrops()
	return err != nil || drops != r.drops.Load()
}

// settle is told, after a dump, whether all events were handled and none waited on
// the dying list; drops are those of others before that list was read.
func (r *repeats) settle(settled bool, drops uint64, err error) {
	if settled && err == nil {
		r.drops.Store(drops)
	}
	r.waiting.Store(!settled || err != nil)
}

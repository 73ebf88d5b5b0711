package execd

import "time"

// slowGather is how long a gather may take before that is logged: most take less than
// a second, and few intervals of Telegraf are shorter.
const slowGather = 10 * time.Second

// watch logs when a gather takes too long, and logs again when it is over. The
// returned function ends the watch.
func (h *inputHost) watch() (end func()) {
	start := time.Now()
	timer := time.AfterFunc(h.slow, func() {
		if h.out.writing() {
			h.log.Warnf("Telegraf has not read our metrics for %s: they wait, and what it asks for meanwhile is one gather; see what holds Telegraf up", h.slow)
			return
		}
		h.log.Warnf("a gather has been going on for %s: what Telegraf asks for meanwhile is one gather; a longer interval helps where that happens often", h.slow)
	})
	return func() {
		if !timer.Stop() {
			h.log.Infof("the gather is over, after %s", time.Since(start).Round(time.Millisecond))
		}
	}
}

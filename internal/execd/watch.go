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
			h.log.Warnf("Telegraf has not read our metrics for %s: they wait, and all requests meanwhile become one gather; find out what blocks Telegraf, such as its outputs", h.slow)
			return
		}
		h.log.Warnf("a gather has been running for %s: all requests meanwhile become one gather; if this happens often, set a longer interval", h.slow)
	})
	return func() {
		if !timer.Stop() {
			h.log.Infof("the gather is over, after %s", time.Since(start).Round(time.Millisecond))
		}
	}
}

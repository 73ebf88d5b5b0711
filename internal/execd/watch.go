package execd

import "time"

// slowGather is how long a gather may go on before that is mentioned: most take
// less than a second, and Telegraf's intervals are hardly shorter.
const slowGather = 10 * time.Second

// watch logs that a gather is stuck, while it is, and then that it is over. The
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

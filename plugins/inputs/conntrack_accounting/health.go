package conntrack_accounting

import (
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// health holds what has been logged, so that each change is logged once, and the values
// of the metric about the plugin itself.
type health struct {
	reported map[string]string // the state of the last finding, by the name of the check
	logged   counts            // as of the last gather
	folding  folding
	memory   memory
	pickedUp bool // it was logged that conntrack picked up connections

	// What checks remember.
	sysctls            map[string]sysctl
	seenIPv4, seenIPv6 bool // in the last gather's dumps
	tracking           tracking
	eventsOff          bool   // flows end without any DESTROY event
	uncounted          uint64 // readings without counters, at the last check
	accepted           bool   // a flow, since the start
	refused            int    // checks that found no accepted flow

	// For the metric about the plugin.
	started              time.Time
	table                *ctnetlink.Table    // nil when it could not be read
	dumpTime             time.Duration       // of the last gather, repeated dumps included
	tableDump, dyingDump ctnetlink.DumpStats // of the last gather
	handedOut            time.Time           // when the last gather began to hand out its metrics; zero once they are delivered
	deliveryTime         time.Duration       // how long Telegraf took to read those of the gather before
	seriesBefore         uint64              // series emitted before the last gather
	uncountedFlowtables  int
	decodeErrors         uint64
	dumpRestarts         uint64
	gatherErrors         uint64
}

// counts are counters whose increases are logged.
type counts struct {
	overruns, decodeErrors, swept, diedUnseen, zeroed, reopened uint64
}

func (h *health) add(dumps ...ctnetlink.DumpStats) {
	for _, d := range dumps {
		h.decodeErrors += d.DecodeErrors
	}
}

// delivered notes how long the metrics of the last gather took to be delivered.
func (h *health) delivered(now time.Time) {
	if !h.handedOut.IsZero() {
		h.deliveryTime, h.handedOut = now.Sub(h.handedOut), time.Time{}
	}
}

// stats returns the tracker's.
func (p *Plugin) stats() accounting.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tracker.Stats()
}

func (p *Plugin) counts(stats accounting.Stats) counts {
	now := counts{
		decodeErrors: p.health.decodeErrors,
		swept:        stats.Swept,
		diedUnseen:   stats.DiedUnseen,
		zeroed:       stats.Zeroed,
	}
	for _, listener := range []*ctnetlink.Listener{p.destroyed, p.closed} {
		if listener != nil {
			s := listener.Stats()
			now.decodeErrors += s.DecodeErrors
			now.reopened += s.Reopened
		}
	}
	now.overruns = p.destroyed.Stats().Overruns
	return now
}

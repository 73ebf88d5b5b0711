package conntrack_accounting

import (
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// health remembers what the operator was told, so that each change is said
// once.
type health struct {
	said     map[string]string // states that were found, by the name of the check
	told     told
	folding  folding
	memory   memory
	pickedUp bool // that connections were picked up is told

	// What checks remember.
	seenIPv4, seenIPv6 bool   // in the last gather's dumps
	eventsOff          bool   // flows end without any DESTROY event
	uncounted          uint64 // readings without counters, when last looked
	accepted           bool   // a flow, since the start
	refused            int    // looks that found none

	// For the metric about ourselves.
	started              time.Time
	table                *ctnetlink.Table    // nil when it could not be read
	dumpTime             time.Duration       // of the last gather, repeated dumps included
	tableDump, dyingDump ctnetlink.DumpStats // of the last gather
	handedOut            time.Time           // when the last gather began to hand its metrics out; zero once they are delivered
	deliveryTime         time.Duration       // what Telegraf took to take those of the gather before
	seriesBefore         uint64              // series emitted before the last gather
	uncountedFlowtables  int
	decodeErrors         uint64
	dumpRestarts         uint64
	gatherErrors         uint64
}

// told are counters as the operator last saw them.
type told struct {
	overruns, decodeErrors, swept, diedUnseen, zeroed, reopened uint64
}

func (h *health) add(dumps ...ctnetlink.DumpStats) {
	for _, d := range dumps {
		h.decodeErrors += d.DecodeErrors
	}
}

// delivered notes how long the metrics were under way, if the last gather had any.
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

// explainBaseline says what becomes of the flows that were there before.
func (p *Plugin) explainBaseline() {
	entries := uint64(p.stats().Flows)
	if p.health.table != nil {
		entries = p.health.table.Entries
	}
	switch {
	case p.oneShot:
		p.Log.Infof("accounting started, for a single look: %d flows are there, and what they sent so far is accounted, once more where outputs have it already", entries)
	case !p.state.since.IsZero():
		p.Log.Infof("accounting started: it goes on from the state of %s with %d flows; what they sent since is accounted at the first gather", p.state.since.Format(time.RFC3339), p.state.flows)
	case !p.state.after.IsZero():
		p.Log.Infof("accounting started: %d flows were there before, of which those that began after %s are accounted in full, the others from now on", entries, p.state.after.Format(time.RFC3339))
	case p.cfg.AccountExisting:
		p.Log.Infof("accounting started: %d flows were there before, what they sent so far is accounted at the first gather", entries)
	default:
		p.Log.Infof("accounting started: %d flows were there before, what they sent so far is ignored", entries)
	}
}

// explainChanges says, after a gather, what the operator should know of it.
func (p *Plugin) explainChanges() {
	p.watch(surroundings())
	stats := p.stats()
	p.explainPickedUp(&stats)
	now := p.counts(stats)
	before := p.health.told
	p.health.told = now
	p.explainFolding(stats.Folded)
	if n := now.decodeErrors - before.decodeErrors; n > 0 {
		p.Log.Errorf("%d messages of the kernel could not be read and were skipped", n)
	}
	if n := now.swept - before.swept; n > 0 {
		p.Log.Warnf("%d flows vanished without a DESTROY event: what they sent after their last gather is lost", n)
	}
	if n := now.diedUnseen - before.diedUnseen; n > 0 {
		p.Log.Warnf("%d flows ended while the plugin was down: what they sent after their last reading, at %s or before, is unknown", n, p.state.since.Format(time.RFC3339))
	}
	if n := now.overruns - before.overruns; n > 0 {
		p.Log.Infof("the receive buffer was full %d times: no event is lost, the kernel sends them again", n)
	}
	if now.reopened > before.reopened {
		p.Log.Warnf("an event socket failed and was opened anew: events that waited in it may be lost, and with them what flows sent after their last gather")
	}
	if now.zeroed > 0 && before.zeroed == 0 {
		p.Log.Warnf("another program sets the kernel's counters to zero: what flows sent between our last reading and that moment is lost; nlbwmon, exporters and \"conntrack -L -z\" do that: stop it, or give it a network namespace of its own")
	}
}

func (p *Plugin) counts(stats accounting.Stats) told {
	now := told{
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

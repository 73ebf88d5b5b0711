package conntrack_accounting

import (
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// nearlyFull is the share of nf_conntrack_max, in percent, from which new
// connections are at risk of being dropped.
const nearlyFull = 90

// health remembers what the operator was told, so that each change is said
// once.
type health struct {
	full       bool
	flowtables string // those that do not count
	told       told
	pickedUp   bool // that connections were picked up is told
	folding    folding
	memory     memory

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
	overruns, decodeErrors, swept, uncounted, diedUnseen, zeroed, reopened uint64
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

// explainStart says what keeps flows from being seen.
func (p *Plugin) explainStart() {
	if got, err := p.destroyed.ReceiveBuffer(); err == nil && got < int(p.ReceiveBuffer) {
		p.Log.Warnf("receive_buffer: asked for %d bytes, the kernel gave %d: nothing is lost, but events wait; raise net.core.rmem_max", p.ReceiveBuffer, got)
	}
	p.explainOffload(0)
	entries := p.explainTable()
	p.explainBaseline(entries)
	if entries > 0 {
		return
	}
	ipv4, ipv6, err := ctnetlink.HooksActive(p.namespace)
	if err != nil {
		p.Log.Debugf("finding out whether anything uses conntrack: %v", err)
	}
	unknown := errors.Is(err, ctnetlink.ErrHooksUnknown)
	if !ipv4 && !p.cfg.Filter.NoIPv4 {
		p.explainUntracked("IPv4", "ip", unknown)
	}
	if !ipv6 && !p.cfg.Filter.NoIPv6 {
		p.explainUntracked("IPv6", "ip6", unknown)
	}
}

// explainBaseline says what becomes of the flows that were there before.
func (p *Plugin) explainBaseline(entries uint64) {
	switch {
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

// explainUntracked names the rule that would switch on conntrack for a
// family. The kernel tracks nothing while no rule uses it.
func (p *Plugin) explainUntracked(family, table string, unknown bool) {
	rule := fmt.Sprintf("nft 'add table %[1]s track; add chain %[1]s track forward { type filter hook forward priority 0; }; add rule %[1]s track forward ct state established accept'", table)
	if unknown {
		p.Log.Infof("no nftables rule in this network namespace makes the kernel track %s connections, and the table is empty; unless something else does, switch it on with: %s", family, rule)
		return
	}
	p.Log.Warnf("nothing in this network namespace tracks %s connections, so there is nothing to count; a rule that uses conntrack switches it on: %s", family, rule)
}

// explainTable says when the table fills up and when it has room again, and
// returns how many entries it holds.
func (p *Plugin) explainTable() (entries uint64) {
	p.health.table = nil
	table, err := ctnetlink.TableStats(p.namespace)
	if err != nil {
		p.Log.Debugf("reading the size of the table: %v", err)
		return 0
	}
	p.health.table = &table
	full := table.Max > 0 && table.Entries*100 >= table.Max*nearlyFull
	if full && !p.health.full {
		p.Log.Warnf("the connection tracking table is nearly full: %d of %d entries; the kernel drops new connections once it is: raise net.netfilter.nf_conntrack_max", table.Entries, table.Max)
	}
	if !full && p.health.full {
		p.Log.Infof("the connection tracking table has room again: %d of %d entries", table.Entries, table.Max)
	}
	p.health.full = full
	return table.Entries
}

// explainChanges says, after a gather, what the operator should know of it.
func (p *Plugin) explainChanges() {
	p.explainTable()
	p.mu.Lock()
	stats := p.tracker.Stats()
	p.mu.Unlock()
	if stats.Offloaded > 0 || p.health.flowtables != "" {
		p.explainOffload(stats.Offloaded)
	}
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
	if now.uncounted > 0 && before.uncounted == 0 {
		p.Log.Warnf("flows without counters are in the table: they began while %s was 0 and stay uncounted until they end", ctnetlink.Acct)
	}
}

func (p *Plugin) counts(stats accounting.Stats) told {
	now := told{
		decodeErrors: p.health.decodeErrors,
		swept:        stats.Swept,
		uncounted:    stats.Uncounted,
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

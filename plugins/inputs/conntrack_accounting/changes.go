package conntrack_accounting

import (
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
)

// logBaseline logs what is accounted of the flows that are older than this start.
func (p *Plugin) logBaseline() {
	entries := uint64(p.stats().Flows)
	if p.health.table != nil {
		entries = p.health.table.Entries
	}
	switch {
	case p.oneShot:
		p.Log.Infof("accounting started, for a one-shot dump: it accounts all that the %d flows of the table have sent so far, which counts twice where outputs have it already", entries)
	case !p.state.since.IsZero():
		p.Log.Infof("accounting started: it continues from the state of %s with %d flows; the first gather accounts what they have sent since", p.state.since.Format(time.RFC3339), p.state.flows)
	case !p.state.after.IsZero():
		p.Log.Infof("accounting started: the table has %d flows; those that began after %s are accounted in full, older ones from now on", entries, p.state.after.Format(time.RFC3339))
	case p.cfg.AccountExisting:
		p.Log.Infof("accounting started: the table has %d flows; the first gather accounts all that they have sent so far", entries)
	default:
		p.Log.Infof("accounting started: the table has %d flows; they are accounted from now on, what they have sent so far is ignored", entries)
	}
}

// logChanges logs, after a gather, what changed since the one before.
func (p *Plugin) logChanges() {
	p.watch(surroundings())
	stats := p.stats()
	p.logPickedUp(&stats)
	p.logFolding(stats.Folded)
	before, now := p.health.logged, p.counts(stats)
	p.health.logged = now
	if n := now.decodeErrors - before.decodeErrors; n > 0 {
		p.Log.Errorf("%d messages of the kernel could not be decoded and were skipped", n)
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
		p.Log.Warnf("an event socket failed and was opened again: the events that waited in it may be lost, and with them what flows sent after their last gather")
	}
	if now.zeroed > 0 && before.zeroed == 0 {
		p.Log.Warnf("another program sets the kernel's counters to zero: what flows send between a reading of the plugin and that moment is lost; nlbwmon, exporters and \"conntrack -L -z\" do that: stop the program, or run it in a network namespace of its own")
	}
}

// logPickedUp logs once that conntrack picked up connections midway.
func (p *Plugin) logPickedUp(stats *accounting.Stats) {
	n := stats.PickedUp + stats.PickedUpRefused
	if n == 0 || p.health.pickedUp {
		return
	}
	p.health.pickedUp = true
	if p.cfg.PickedUpByPort {
		p.Log.Infof("conntrack picked up %d connections midway, perhaps after conntrack -F: their ports decide who opened them (picked_up_flows)", n)
		return
	}
	p.Log.Warnf("conntrack picked up %d connections midway, perhaps after conntrack -F, and takes the sender of the next packet for the opener: src and dst can be the wrong way round, and source or destination leave out %d of them for that reason; picked_up_flows = \"by_port\" turns them round; with net.netfilter.nf_conntrack_tcp_loose=0, conntrack neither picks up nor counts such connections", n, stats.PickedUpRefused)
}

// folding is what max_series did to the series of the last gather.
type folding struct {
	total accounting.Folded // since the start, as of that gather
	stage int               // that was logged; 0 while nothing folds
	began uint64            // total.Ports before this episode
}

// logFolding logs when max_series begins to fold, when it folds further, and when it
// is over.
func (p *Plugin) logFolding(now accounting.Folded) {
	f := &p.health.folding
	before := f.total
	f.total = now
	stage, lost := 0, ""
	for i, of := range []struct {
		now, before uint64
		lost        string
	}{
		{now.Ports, before.Ports, "their port"},
		{now.Sources, before.Sources, "their port and source"},
		{now.Destinations, before.Destinations, "their port, source and destination"},
		{now.Protocols, before.Protocols, "all but their address family"},
	} {
		if of.now > of.before {
			stage, lost = i+1, of.lost
		}
	}
	switch {
	case stage == 0 && f.stage > 0:
		f.stage = 0
		p.Log.Infof("max_series: all series of an interval have room again; %d readings were folded meanwhile", now.Ports-f.began)
	case stage > f.stage:
		if f.stage == 0 {
			f.began = before.Ports
		}
		f.stage = stage
		p.Log.Warnf("max_series: %d series are too few for this interval: new series lose %s, but every byte is counted; in a scan or a flood, unanswered = \"fold\" keeps it apart, otherwise raise max_series (docs/floods.md)", p.MaxSeries, lost)
	}
}

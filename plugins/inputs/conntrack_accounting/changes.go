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
		p.Log.Infof("accounting started for a one-shot dump: it accounts everything that the %d flows in the table have sent so far; outputs that have this traffic already count it twice", entries)
	case !p.state.since.IsZero():
		p.Log.Infof("accounting started: it continues from the state of %s with %d flows; the first gather accounts what they have sent since", p.state.since.Format(time.RFC3339), p.state.flows)
	case !p.state.after.IsZero():
		p.Log.Infof("accounting started: the table has %d flows; those that began after %s are accounted in full, older ones from now on", entries, p.state.after.Format(time.RFC3339))
	case p.cfg.AccountExisting:
		p.Log.Infof("accounting started: the table has %d flows; the first gather accounts everything that they have sent so far", entries)
	default:
		p.Log.Infof("accounting started: the table has %d flows; they are accounted from now on, and what they have sent so far is ignored", entries)
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
		p.Log.Errorf("%d kernel messages could not be decoded and were skipped: report this, with the kernel's version (uname -r)", n)
	}
	if n := now.swept - before.swept; n > 0 {
		p.Log.Warnf("%d flows vanished without a DESTROY event: what they sent after their last gather is lost; set net.netfilter.nf_conntrack_events=1 at boot", n)
	}
	if n := now.diedUnseen - before.diedUnseen; n > 0 {
		p.Log.Warnf("%d flows ended while the plugin was down: what they sent after their last reading, at %s or before, is unknown", n, p.state.since.Format(time.RFC3339))
	}
	if n := now.overruns - before.overruns; n > 0 {
		p.Log.Infof("the receive buffer was full %d times: no event is lost, since the kernel sends them again", n)
	}
	if now.reopened > before.reopened {
		p.Log.Warnf("an event socket failed and was opened again: events that waited in it may be lost, and with them what those flows sent after their last gather")
	}
	if now.zeroed > 0 && before.zeroed == 0 {
		p.Log.Warnf("another program resets the kernel's counters, as nlbwmon, some exporters and \"conntrack -L -z\" do: what flows send between the plugin's last reading and a reset is lost; stop that program, or run it in a network namespace of its own")
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
	p.Log.Warnf("conntrack picked up %d connections midway, perhaps after conntrack -F, and takes the sender of the next packet for the opener: src and dst can be the wrong way round, and source or destination leave out %d of them for that reason; picked_up_flows = \"by_port\" corrects that; with net.netfilter.nf_conntrack_tcp_loose=0, conntrack neither picks up nor counts such connections", n, stats.PickedUpRefused)
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
		p.Log.Infof("max_series: all series of an interval fit again; %d readings were folded meanwhile", now.Ports-f.began)
	case stage > f.stage:
		if f.stage == 0 {
			f.began = before.Ports
		}
		f.stage = stage
		p.Log.Warnf("max_series: %d series are too few for this interval: new series lose %s, but every byte is counted; in a scan or a flood, unanswered = \"fold\" confines it to few series; otherwise, raise max_series (see docs/floods.md)", p.MaxSeries, lost)
	}
}

package conntrack_accounting

import (
	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// openTable makes the tracker, and opens the dumper of all flows, and with the option mark
// a second one for which the kernel selects flows by their mark.
func (p *Plugin) openTable(cfg accounting.Config) (err error) {
	p.tracker = accounting.NewTracker(cfg)
	p.tracker.SetPorts(p.ports)
	p.tracker.SetNetworks(p.networks)
	all := p.dumped
	all.Mark, all.MarkMask = 0, 0
	if p.dumper, err = ctnetlink.NewDumper(p.namespace, all); err != nil || p.dumped.MarkMask == 0 {
		return err
	}
	p.marked, err = ctnetlink.NewDumper(p.namespace, p.dumped)
	return err
}

// tableDumper returns the dumper for the next dump. As long as flows that were let in
// have other marks, it is the one of all flows. The caller holds p.mu.
func (p *Plugin) tableDumper() *ctnetlink.Dumper {
	if p.marked == nil || p.tracker.Stats().Remarked > 0 {
		return p.dumper
	}
	return p.marked
}

// dumpRemarked dumps all flows if a dump that the kernel filtered did not show some
// flows that were let in: their marks may have changed. complete is whether that dump
// was complete; the result is whether both were.
func (p *Plugin) dumpRemarked(table *ctnetlink.Dumper, complete bool) (bool, error) {
	if table == p.marked && complete && p.hides() {
		stats, err := p.dumper.Dump(p.observe)
		if err != nil {
			return false, err
		}
		p.health.add(stats)
		table, complete = p.dumper, p.fence(fenceTimeout) && !stats.Interrupted
	}
	if table == p.dumper {
		p.mu.Lock()
		p.tracker.ShowsAll()
		p.mu.Unlock()
	}
	return complete, nil
}

func (p *Plugin) hides() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tracker.Hides()
}

package conntrack_accounting

import "telegraf-conntrack-accounting/internal/accounting"

// explainPickedUp says once that conntrack has taken up connections amid their life.
func (p *Plugin) explainPickedUp(stats *accounting.Stats) {
	n := stats.PickedUp + stats.PickedUpRefused
	if n == 0 || p.health.pickedUp {
		return
	}
	p.health.pickedUp = true
	if p.cfg.PickedUpByPort {
		p.Log.Infof("conntrack picked up %d connections amid their life, after conntrack -F perhaps: their ports say who opened them (picked_up_flows)", n)
		return
	}
	p.Log.Warnf("conntrack picked up %d connections amid their life, after conntrack -F perhaps, and takes who sent the first packet since for the opener: src and dst can be the wrong way round, and %d of them are left out for that (source, destination); picked_up_flows = \"by_port\" turns them, and net.netfilter.nf_conntrack_tcp_loose=0 has conntrack pick up none, and not count them", n, stats.PickedUpRefused)
}

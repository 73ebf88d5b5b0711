package conntrack_accounting

import (
	"errors"
	"fmt"
	"strings"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

const (
	// nearlyFull is the share of nf_conntrack_max, in percent, from which new
	// connections are at risk of being dropped; roomy is where that is over.
	nearlyFull = 90
	roomy      = 80

	// patience is how many looks may find that no entry is accepted: at a
	// start, there may be nobody yet.
	patience = 3
)

// lookAtFamily finds out whether anything has the kernel track the connections of
// a family: it does so while a rule uses conntrack, and one for IPv4 does not
// count for IPv6.
func (p *Plugin) lookAtFamily(family, table string, unwanted bool) finding {
	if unwanted {
		return well("%s is not accounted", family)
	}
	tracked, err := p.tracked(family)
	unknown := errors.Is(err, ctnetlink.ErrHooksUnknown)
	if err != nil && !unknown {
		return p.untold("%v", err)
	}
	rule := p.command(fmt.Sprintf("nft 'add table %[1]s track; add chain %[1]s track forward { type filter hook forward priority 0; }; add rule %[1]s track forward ct state established accept'", table))
	other := map[string]string{"IPv4": "ipv6", "IPv6": "ipv4"}[family]
	switch {
	case tracked:
		return well("%s connections are tracked again: what is sent from now on is counted", family)
	case unknown:
		return notice("no rule", "no nftables rule in this network namespace makes the kernel track %s connections, and none is in the table; unless something else does, switch it on with: %s", family, rule)
	}
	return warning("untracked", "nothing in this network namespace tracks %s connections, so none of them is counted; a rule that uses conntrack switches it on: %s; if there are none to count, set families = [\"%s\"]", family, rule, other)
}

// tracked reports whether connections of a family are tracked. Where the kernel
// cannot tell, entries in the table do.
func (p *Plugin) tracked(family string) (bool, error) {
	ipv4, ipv6, err := ctnetlink.HooksActive(p.namespace)
	hooked, seen := ipv4, p.health.seenIPv4
	if family == "IPv6" {
		hooked, seen = ipv6, p.health.seenIPv6
	}
	if errors.Is(err, ctnetlink.ErrHooksUnknown) && (hooked || seen) {
		return true, nil
	}
	return hooked, err
}

func (p *Plugin) lookAtReceiveBuffer() finding {
	got, err := p.destroyed.ReceiveBuffer()
	if err != nil {
		return p.untold("%v", err)
	}
	if got < int(p.ReceiveBuffer) {
		return warning("capped", "receive_buffer: asked for %d bytes, the kernel gave %d: nothing is lost, but events wait; raise net.core.rmem_max on the host", p.ReceiveBuffer, got)
	}
	return well("receive_buffer: the kernel gave all %d bytes", p.ReceiveBuffer)
}

func (p *Plugin) lookAtTable() finding {
	p.health.table = nil
	table, err := ctnetlink.TableStats(p.namespace)
	if err != nil {
		return p.untold("reading the size of the table: %v", err)
	}
	p.health.table = &table
	percent := uint64(0)
	if table.Max > 0 {
		percent = table.Entries * 100 / table.Max
	}
	switch {
	case percent >= nearlyFull:
		return warning("full", "the connection tracking table is nearly full: %d of %d entries; the kernel drops new connections once it is: raise net.netfilter.nf_conntrack_max", table.Entries, table.Max)
	case percent >= roomy:
		return finding{untold: true} // lest it be said again and again
	}
	return well("the connection tracking table has room again: %d of %d entries", table.Entries, table.Max)
}

// lookAtCounters finds flows without counters by their readings since the last
// look.
func (p *Plugin) lookAtCounters() finding {
	total := p.stats().Uncounted
	n := total - p.health.uncounted
	p.health.uncounted = total
	if n > 0 {
		return warning("some", "flows without counters are in the table: they began while %s was 0 and stay uncounted until they end; set it at boot (deploy/sysctl.d)", ctnetlink.Acct)
	}
	return well("no flow without counters is in the table any more")
}

// lookAtFilter finds out whether the options leave anything to account at all.
func (p *Plugin) lookAtFilter() finding {
	stats := p.stats()
	p.health.accepted = p.health.accepted || stats.Flows > 0 || stats.ShortFlows > 0
	options := strings.Join(p.filterOptions(), ", ")
	if p.health.accepted || options == "" {
		return well("flows are accepted by %s now", options)
	}
	if p.health.table == nil || p.health.table.Entries == 0 {
		return finding{untold: true}
	}
	if p.health.refused++; p.health.refused < patience {
		return finding{untold: true}
	}
	return warning("none", "%d entries are in the connection tracking table, none accepted by %s: nothing is counted; \"%s\" shows the entries", p.health.table.Entries, options, p.command("conntrack -L"))
}

// filterOptions names the options that leave flows out.
func (p *Plugin) filterOptions() (names []string) {
	for _, option := range []struct {
		name string
		set  bool
	}{
		{"source", len(p.Source) > 0},
		{"destination", len(p.Destination) > 0},
		{"exclude", len(p.Exclude) > 0},
		{"zones", len(p.Zones) > 0},
		{"mark", p.Mark != ""},
		{"families", len(p.Families) == 1},
		{"include_icmp = false", !p.IncludeICMP},
	} {
		if option.set {
			names = append(names, option.name)
		}
	}
	return names
}

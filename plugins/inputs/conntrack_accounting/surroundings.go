package conntrack_accounting

import (
	"errors"
	"fmt"
	"strings"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

const (
	// nearlyFull is the share of nf_conntrack_max, in percent, from which new
	// connections are at risk of being dropped; below roomy, they no longer are.
	nearlyFull = 90
	roomy      = 80

	// maxRefusedChecks is how many checks may find that no entry is accepted before it is
	// logged: at a start, there may be no traffic yet.
	maxRefusedChecks = 3
)

// tracking is whether the kernel tracks connections of each family.
type tracking struct {
	ipv4, ipv6 bool
	err        error
}

// checkTracking finds out for the two checks after it whether the kernel tracks
// connections. It does so while a rule uses conntrack, and a rule for IPv4 does not count
// for IPv6. Where it cannot list its hooks, entries in the table show it.
func (p *Plugin) checkTracking() finding {
	t := &p.health.tracking
	t.ipv4, t.ipv6, t.err = ctnetlink.HooksActive(p.namespace)
	switch {
	case errors.Is(t.err, ctnetlink.ErrHooksUnknown):
		t.ipv4, t.ipv6 = t.ipv4 || p.health.seenIPv4, t.ipv6 || p.health.seenIPv6
	case t.err != nil:
		return p.unknown("%v", t.err)
	}
	return well("it is known what the kernel tracks") // or the checks of the families find it
}

// checkFamily checks that the kernel tracks a family that is to be accounted.
func (p *Plugin) checkFamily(family, table string, unwanted, tracked bool) finding {
	rule := p.command(fmt.Sprintf("nft 'add table %[1]s track; add chain %[1]s track forward { type filter hook forward priority 0; }; add rule %[1]s track forward ct state established accept'", table))
	switch {
	case unwanted:
		return well("%s is not accounted", family)
	case tracked:
		return well("%s connections are tracked", family)
	case errors.Is(p.health.tracking.err, ctnetlink.ErrHooksUnknown):
		return notice("no rule", "no nftables rule in this network namespace makes the kernel track %s connections, and the table has no such entry", family).
			do("unless something else switches tracking on, do so with").run(rule)
	case p.health.tracking.err != nil:
		return p.unknown("%v", p.health.tracking.err)
	}
	other := map[string]string{"IPv4": "ipv6", "IPv6": "ipv4"}[family]
	return warning("untracked", "nothing in this network namespace tracks %s connections, so the plugin counts none of them", family).
		do("if there are no such connections to count, set families = [%q]; otherwise switch tracking on with a rule that uses conntrack", other).run(rule)
}

func (p *Plugin) checkReceiveBuffer() finding {
	got, err := p.receiveBuffer()
	if err != nil {
		return p.unknown("%v", err)
	}
	if got < int(p.ReceiveBuffer) {
		return warning("capped", "receive_buffer: asked for %d bytes, the kernel gave %d: no event is lost, but events can come later", p.ReceiveBuffer, got).
			do("raise it on the host").run(fmt.Sprintf("sysctl -w net.core.rmem_max=%d", p.ReceiveBuffer))
	}
	return well("receive_buffer: the kernel gives all %d bytes", p.ReceiveBuffer)
}

// receiveBuffer returns what the kernel gives an event socket.
func (p *Plugin) receiveBuffer() (int, error) {
	if p.checking {
		return ctnetlink.TryReceiveBuffer(p.namespace, int(p.ReceiveBuffer))
	}
	return p.destroyed.ReceiveBuffer()
}

func (p *Plugin) checkTable() finding {
	p.health.table = nil
	table, err := ctnetlink.TableStats(p.namespace)
	if err != nil {
		return p.unknown("reading the size of the table: %v", err)
	}
	p.health.table = &table
	percent := uint64(0)
	if table.Max > 0 {
		percent = table.Entries * 100 / table.Max
	}
	switch {
	case percent >= nearlyFull:
		return warning("full", "the connection tracking table is nearly full: %d of %d entries: when it is full, the kernel drops new connections", table.Entries, table.Max).
			do("raise the limit on the host").run(fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", 2*table.Max))
	case percent >= roomy:
		// This is not well yet: otherwise, a table about that full would be logged again
		// and again.
		return undecided("the connection tracking table has %d of %d entries", table.Entries, table.Max)
	}
	return well("the connection tracking table has room: %d of %d entries", table.Entries, table.Max)
}

// checkFlowtables finds flowtables that keep traffic from being counted: packets of
// offloaded flows bypass conntrack, and only a flowtable with the counter flag counts
// them.
func (p *Plugin) checkFlowtables() finding {
	tables, err := ctnetlink.Flowtables(p.namespace)
	if err != nil {
		return p.unknown("%v", err)
	}
	return p.findUncounted(tables, p.stats().Offloaded)
}

func (p *Plugin) findUncounted(tables []ctnetlink.Flowtable, offloaded int) finding {
	var names []string // as nft writes them
	for _, t := range tables {
		if !t.Counter {
			names = append(names, fmt.Sprintf("%s %s %s", t.Family, t.Table, t.Name))
		}
	}
	p.health.uncountedFlowtables = len(names)
	if len(names) == 0 {
		return well("no flowtable lacks the counter flag, so packets of offloaded flows are counted")
	}
	list := strings.Join(names, ", ")
	return warning(list, "flowtables without the counter flag: %s: the kernel does not count packets of the flows that they offload (%d flows now)", list, offloaded).
		do("add \"counter\" to their definition")
}

// checkCounters finds flows without counters by their readings since the last check.
func (p *Plugin) checkCounters() finding {
	total := p.stats().Uncounted
	n := total - p.health.uncounted
	p.health.uncounted = total
	if n > 0 {
		return warning("some", "flows without counters are in the table: they began while %s was 0 and stay uncounted until they end", ctnetlink.Acct).
			do("set it at boot (deploy/sysctl.d)")
	}
	return well("the table has no flow without counters")
}

// checkFilter checks that the options leave something to account.
func (p *Plugin) checkFilter() finding {
	stats := p.stats()
	p.health.accepted = p.health.accepted || stats.Flows > 0 || stats.ShortFlows > 0
	options := strings.Join(p.filterOptions(), ", ")
	switch {
	case options == "":
		return well("no option leaves flows out")
	case p.health.accepted:
		return well("flows are let in by %s", options)
	case p.health.table == nil || p.health.table.Entries == 0:
		return undecided("there is no flow that %s could accept", options)
	}
	if p.health.refused++; p.health.refused < maxRefusedChecks && !p.checking {
		return undecided("%s have accepted no flow yet", options)
	}
	return warning("none", "the connection tracking table has %d entries, but %s leave out all of them, so nothing is counted", p.health.table.Entries, options).
		do("compare them with the entries").run(p.command("conntrack -L"))
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

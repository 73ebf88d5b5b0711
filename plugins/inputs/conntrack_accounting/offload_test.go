package conntrack_accounting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
	"telegraf-conntrack-accounting/internal/testkit"
)

// Each change of what does not count is logged once, with the remedy.
func TestFlowtablesAreExplained(t *testing.T) {
	log := &lines{}
	p := &Plugin{Log: log, health: health{reported: map[string]string{}}}
	counts := ctnetlink.Flowtable{Family: "inet", Table: "filter", Name: "fast", Counter: true}
	one := ctnetlink.Flowtable{Family: "ip", Table: "filter", Name: "a"}
	two := ctnetlink.Flowtable{Family: "ip6", Table: "filter", Name: "b"}
	for _, step := range []struct {
		tables    []ctnetlink.Flowtable
		uncounted int
		says      string
	}{
		{nil, 0, ""},
		{[]ctnetlink.Flowtable{counts}, 0, ""},
		{[]ctnetlink.Flowtable{counts, one}, 1, "W! flowtables without the counter flag: ip filter a: the kernel does not count packets of the flows that they offload (7 flows now); add \"counter\" to their definition"},
		{[]ctnetlink.Flowtable{counts, one}, 1, ""},
		{[]ctnetlink.Flowtable{one, two}, 2, "W! flowtables without the counter flag: ip filter a, ip6 filter b: "},
		{[]ctnetlink.Flowtable{counts}, 0, "I! resolved: no flowtable lacks the counter flag"},
		{nil, 0, ""},
	} {
		log.text = nil
		p.watch([]fact{{"flowtables", func(p *Plugin) finding { return p.findUncounted(step.tables, 7) }}})
		require.Equal(t, step.uncounted, p.health.uncountedFlowtables)
		if step.says == "" {
			require.Empty(t, log.text)
			continue
		}
		require.Len(t, log.text, 1)
		require.Contains(t, log.text[0], step.says)
	}
}

// Flows that a dump shows as offloaded are counted as such.
func TestOffloadedFlowsAreCounted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start()
	l.plugin.mu.Lock()
	l.plugin.tracker.BeginDump(time.Now())
	for i, status := range []uint32{0, 1 << 14, 1 << 15, 1<<14 | 1<<15} { // IPS_OFFLOAD, IPS_HW_OFFLOAD
		l.plugin.tracker.Observe(&accounting.Flow{ID: uint32(i), Proto: 6, Status: status, HasCounters: true})
	}
	l.plugin.tracker.EndDump(true, true)
	l.plugin.mu.Unlock()
	require.Equal(t, 3, l.stats().Offloaded)
	l.gather()
	require.EqualValues(t, 0, l.internal["offloaded_flows"])
}

// A router with a real flowtable, where the kernel has them: without the
// counter flag packets are missing, which is logged.
func TestFlowtableWithoutCounter(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "nft", "conntrack")
	l := &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}, sum: map[string]testkit.Counter{}}
	one, two := testkit.NewNetns(t), testkit.NewNetns(t)
	toOne, _ := testkit.Link(t, l.ns, one, []string{"10.32.1.1/24"}, []string{"10.32.1.2/24"})
	toTwo, _ := testkit.Link(t, l.ns, two, []string{"10.32.2.1/24"}, []string{"10.32.2.2/24"})
	one.Route(t, "10.32.2.0/24", "10.32.1.1")
	two.Route(t, "10.32.1.0/24", "10.32.2.1")
	l.ns.Sysctl(t, "net.ipv4.ip_forward", 1)
	rules := l.ns.Command("nft", "-f", "-")
	rules.Stdin = strings.NewReader(fmt.Sprintf(`table ip fast {
		flowtable ft {
			hook ingress priority 0
			devices = { %s, %s }
		}
		chain forward {
			type filter hook forward priority 0
			ip protocol { tcp, udp } flow add @ft
		}
	}`, toOne, toTwo))
	if out, err := rules.CombinedOutput(); err != nil {
		t.Skipf("the kernel has no flowtables: %s", out)
	}

	l.start()
	require.Len(t, l.log.with("W! flowtables without the counter flag: ip fast ft"), 1)
	two.ServeTCP(t, "10.32.2.2:80")
	conn := one.DialTCP(t, "10.32.1.2", "10.32.2.2:80")
	const size = 1_000_000
	require.NoError(t, testkit.Transfer(conn, size, size))
	l.gather()
	require.EqualValues(t, 1, l.internal["offloaded_flows"])
	require.EqualValues(t, 1, l.internal["uncounted_flowtables"])
	require.Less(t, l.sum["tcp-src"].Bytes, uint64(size))
}

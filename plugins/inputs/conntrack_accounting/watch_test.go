package conntrack_accounting

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// requireLogged requires that this line comes with the next two gathers, once, and
// that no other warning or error does.
func (l *lab) requireLogged(line string) {
	l.t.Helper()
	l.log.clear()
	for range 3 {
		l.gather()
	}
	require.Len(l.t, l.log.with(line), 1, "%v", l.log.text)
	others := 0
	for _, level := range []string{"W! ", "E! "} {
		others += len(l.log.with(level))
		if strings.HasPrefix(line, level) {
			others--
		}
	}
	require.Zero(l.t, others, "%v", l.log.text)
}

func (l *lines) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = nil
}

// What changes while the plugin runs is logged as at the start, and when it is over.
func TestSysctlsThatChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		value      int
		off, on    string
		onIfOurOwn string
	}{
		{"nf_conntrack_acct", 0, "E! accounting is off (nf_conntrack_acct=0): the kernel does not count flows that begin now; set set_sysctls = true or run: ip netns exec ", "I! resolved: accounting is on", "W! accounting was off (nf_conntrack_acct=0) and is on now"},
		{"nf_conntrack_timestamp", 0, "W! timestamps are off", "I! resolved: timestamps are on", "I! timestamps were off"},
		{"nf_conntrack_events", 0, "E! events are off", "I! resolved: events are on", "I! events were in mode 0 and are on now"},
		{"nf_conntrack_events", 2, "W! events are in autodetect mode", "I! resolved: events are on", "I! events were in mode 2 and are on now"},
	} {
		t.Run(fmt.Sprintf("%s=%d", c.name, c.value), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			for _, name := range []string{"acct", "timestamp", "events"} {
				l.ns.Sysctl(t, "nf_conntrack_"+name, 1)
			}
			l.start(func(p *Plugin) { p.SetSysctls = false })
			for range 2 {
				l.ns.Sysctl(t, c.name, c.value)
				l.requireLogged(c.off)
				l.ns.Sysctl(t, c.name, 1)
				l.requireLogged(c.on)
			}
			l.plugin.Stop()

			l.start()
			for range 2 {
				l.ns.Sysctl(t, c.name, c.value)
				l.requireLogged(c.onIfOurOwn)
				require.Equal(t, "1\n", l.ns.Exec(t, "cat", "/proc/sys/net/netfilter/"+c.name))
			}
		})
	}
}

// Flows that began while accounting was off are logged once, and when the last of
// them is gone.
func TestFlowsWithoutCountersAreSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	l.ns.Sysctl(t, "nf_conntrack_acct", 0)
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))
	l.log.clear()
	l.gather()
	l.gather()
	require.Len(t, l.log.with("W! "), 2, "that it was off, and what came of it: %v", l.log.text)
	require.Len(t, l.log.with("W! flows without counters are in the table"), 1)
	l.flush()
	l.requireLogged("I! resolved: the table has no flow without counters")
}

// Started while the kernel sends no events, the plugin waits for them once it does.
func TestEventsThatBegin(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.ns.Sysctl(t, "nf_conntrack_acct", 1)
	l.ns.Sysctl(t, "nf_conntrack_events", 0)
	l.start(func(p *Plugin) { p.SetSysctls = false })
	l.ns.Sysctl(t, "nf_conntrack_events", 1)
	l.gather()
	l.serve()
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 3, 10))
	l.gather()
	l.flush()
	l.requireExact()
	require.Zero(t, l.stats().Swept)
}

// Each family is judged alone: by what makes the kernel track it, not by what is
// left in the table.
func TestRulesetThatIsFlushed(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "nft", "conntrack")
	l := &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}, sum: map[string]testkit.Counter{}}
	l.ns.Local(t, "10.32.0.0/11")
	const rule = "table %s track { chain out { type filter hook output priority 0; ct state established accept\n}\n}"
	l.ns.Nft(t, fmt.Sprintf(rule, "ip"))
	l.ns.Sysctl(t, "nf_conntrack_udp_timeout", 600) // the flow outlives a slow machine
	l.serveUDP()
	l.start()
	require.Empty(t, l.log.with("tracks IPv4"))
	require.Len(t, l.log.with("W! nothing in this network namespace tracks IPv6 connections"), 1, "%v", l.log.text)
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))

	l.ns.Nft(t, fmt.Sprintf(rule, "ip6"))
	l.requireLogged("I! resolved: IPv6 connections are tracked")
	for range 2 {
		l.ns.Exec(t, "nft", "flush", "ruleset")
		l.log.clear()
		l.gather()
		l.gather()
		require.Positive(t, l.stats().Flows, "what is in the table tells nothing")
		require.Len(t, l.log.with("W! nothing in this network namespace tracks IPv4 connections"), 1)
		require.Len(t, l.log.with("W! nothing in this network namespace tracks IPv6 connections"), 1)
		l.ns.Nft(t, fmt.Sprintf(rule, "inet"))
		l.log.clear()
		l.gather()
		l.gather()
		require.Len(t, l.log.with("connections are tracked"), 2)
	}
}

func (l *lab) serveUDP() { l.ns.EchoUDP(l.t, "10.33.0.1:53") }

// Options that leave nothing to account are named, once there has been time for
// somebody to come.
func TestFilterThatMatchesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start(func(p *Plugin) {
		p.Source, p.Exclude, p.IncludeICMP = []string{"10.40.0.0/16"}, []string{"10.50.0.0/16"}, false
	})
	l.gather()
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))
	l.gather()
	l.gather()
	const said = "W! the connection tracking table has 1 entries, but source, exclude, include_icmp = false leave out all of them, so nothing is counted"
	l.requireLogged(said)
	require.NoError(t, l.ns.UDP("10.40.0.1", "10.33.0.1:53", 1, 10))
	l.requireLogged("I! resolved: flows are let in by source, exclude, include_icmp = false")
	l.flush()
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))
	l.log.clear()
	for range 5 {
		l.gather()
	}
	require.Empty(t, l.log.with("leave out all"), "an empty table is nothing to log")
}

// The kernel asks for the capability at every dump.
func TestCapabilityThatIsLost(t *testing.T) {
	l := newLab(t)
	l.start()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &had[0]))
	without := had
	without[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	require.NoError(t, unix.Capset(&header, &without[0]))
	var errs []error
	for range 2 {
		errs = append(errs, l.plugin.Gather(l))
	}
	require.NoError(t, unix.Capset(&header, &had[0]))
	for _, err := range errs {
		require.ErrorIs(t, err, unix.EPERM)
	}
	require.Len(t, l.log.with("E! CAP_NET_ADMIN is gone"), 1)
	l.requireLogged("I! resolved: CAP_NET_ADMIN is there")
}

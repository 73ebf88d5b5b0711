package conntrack_accounting

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Whatever keeps flows from being counted is logged once at the start, with the
// remedy.
func TestStartExplainsTheKernel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		acct, timestamp, events int
		set                     bool
		says, silent            []string
	}{
		"all is well": {1, 1, 1, false, nil, []string{"nf_conntrack_acct", "nf_conntrack_timestamp", "nf_conntrack_events"}},
		"set what is off": {0, 0, 2, true, []string{
			"W! accounting was off (nf_conntrack_acct=0) and is on now: flows that began while it was off have no counters and stay uncounted",
			"I! timestamps were off", "I! events were in mode 2",
		}, nil},
		"say what is off": {0, 0, 2, false, []string{
			"E! accounting is off (nf_conntrack_acct=0): the kernel does not count flows that begin now; set set_sysctls = true or run: ip netns exec ",
			"W! timestamps are off (nf_conntrack_timestamp=0): bytes can be missing", "W! events are in autodetect mode",
		}, nil},
		"no events": {1, 1, 0, false, []string{"E! events are off"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.ns.Sysctl(t, "net.netfilter.nf_conntrack_acct", c.acct)
			l.ns.Sysctl(t, "net.netfilter.nf_conntrack_timestamp", c.timestamp)
			l.ns.Sysctl(t, "net.netfilter.nf_conntrack_events", c.events)
			l.start(func(p *Plugin) { p.SetSysctls = c.set })
			l.gather()
			l.gather()
			for _, text := range c.says {
				require.Len(t, l.log.with(text), 1, "%v", l.log.text)
			}
			for _, text := range c.silent {
				require.Empty(t, l.log.with(text))
			}
		})
	}
}

// A namespace without a rule that uses conntrack tracks nothing, and IPv4
// rules do not switch on IPv6.
func TestStartExplainsAnEmptyTable(t *testing.T) {
	t.Parallel()
	rule := func(table string) string {
		return fmt.Sprintf("table %s track { chain in { type filter hook input priority 0; ct state established accept\n}\n}", table)
	}
	for name, c := range map[string]struct {
		rules        []string
		ipv4, ipv6   int
		onlyIPv4Asks bool
	}{
		"no rule":               {nil, 1, 1, false},
		"an IPv4 rule":          {[]string{rule("ip")}, 0, 1, false},
		"rules for both":        {[]string{rule("ip"), rule("ip6")}, 0, 0, false},
		"IPv6 is not accounted": {[]string{rule("ip")}, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}}
			for _, rule := range c.rules {
				l.ns.Nft(t, rule)
			}
			l.start(func(p *Plugin) {
				if c.onlyIPv4Asks {
					p.Families = []string{"ipv4"}
				}
			})
			require.Len(t, l.log.with("W! nothing in this network namespace tracks IPv4 connections"), c.ipv4, "%v", l.log.text)
			require.Len(t, l.log.with("W! nothing in this network namespace tracks IPv6 connections"), c.ipv6, "%v", l.log.text)
			require.Len(t, l.log.with("nft 'add table ip6 track"), c.ipv6)
		})
	}
}

// The rule that is named is a command that works.
func TestTheNamedRuleSwitchesConntrackOn(t *testing.T) {
	t.Parallel()
	l := &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}}
	l.start()
	lines := l.log.with("nft '")
	require.Len(t, lines, 2)
	for _, line := range lines {
		_, command, _ := strings.Cut(line, "a rule that uses conntrack: ")
		command, _, _ = strings.Cut(command, "; if there are no such")
		out, err := exec.Command("sh", "-c", "PATH=$PATH:/usr/sbin "+command).CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
	}
	l.gather()
	require.Len(t, l.log.with("connections are tracked"), 2)
}

func TestNoSuchNamespace(t *testing.T) {
	p := New()
	p.NetworkNamespace = "no-such-namespace"
	p.Log = &lines{}
	require.NoError(t, p.Init())
	require.ErrorContains(t, p.Start(&lab{}), "no-such-namespace")
}

// A ports file is read again when it changes; a bad one changes nothing.
func TestPortsFileIsReloaded(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file := filepath.Join(t.TempDir(), "ports")
	put := func(text string, age time.Duration) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(file, time.Time{}, time.Now().Add(-age)))
	}
	port := func() string {
		t.Helper()
		require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))
		l.gather()
		require.Len(t, l.rows, 1)
		return l.rows[0].tags["port"]
	}
	put("tcp:80\n", 4*time.Hour)
	l.start(func(p *Plugin) { p.PortsFile = file })
	require.Equal(t, "-1", port())
	put("tcp:80\nudp:53 # names\n", 3*time.Hour)
	require.Equal(t, "53", port())
	put("tcp:80\nudp:none\n", 2*time.Hour)
	require.Equal(t, "53", port())
	require.Equal(t, "53", port())
	require.Len(t, l.log.with("W! ports_file: "+file+": line 2"), 1)
	require.NoError(t, os.Remove(file))
	require.Equal(t, "53", port())
	require.Equal(t, "53", port())
	require.Len(t, l.log.with("keeping the ports read before"), 2)
	put("udp:54\n", time.Hour)
	require.Equal(t, "-1", port())
}

// Gathers of one second get times of their own, none ahead of the clock.
func TestGathersDoNotShareATimestamp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	seen := map[time.Time]bool{}
	for range 5 {
		require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))
		l.gather()
		require.False(t, seen[l.rows[0].at])
		require.False(t, l.rows[0].at.After(time.Now()))
		require.Zero(t, l.rows[0].at.Nanosecond()%int(time.Millisecond))
		seen[l.rows[0].at] = true
	}
}

// connection_times comes from the kernel's own clock: exact to the
// millisecond, whenever the gather comes.
func TestConnectionTimesAreExact(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start()
	least, most := l.lifetime(200 * time.Millisecond)
	require.GreaterOrEqual(t, l.times, least.Milliseconds())
	require.LessOrEqual(t, l.times, most.Milliseconds()+1)
}

// Without close events, a gather that comes long after tells it to a second all
// the same.
func TestConnectionTimesWithoutCloseEvents(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(func(p *Plugin) { p.CloseEvents = false })
	least, most := l.lifetime(4 * time.Second)
	require.GreaterOrEqual(t, l.times, (least - time.Second).Milliseconds())
	require.LessOrEqual(t, l.times, (most + time.Second).Milliseconds())
}

// lifetime has a connection live for a while and gathers some time after it
// closed. It returns between what its lifetime was.
func (l *lab) lifetime(after time.Duration) (least, most time.Duration) {
	t := l.t
	l.serve()
	before := time.Now()
	conn := l.ns.DialTCP(t, "10.32.0.1", "10.33.0.1:80")
	require.NoError(t, testkit.Transfer(conn, 1, 1))
	opened := time.Now()
	time.Sleep(300 * time.Millisecond) // what is measured
	closing := time.Now()
	require.NoError(t, testkit.HangUp(conn))
	closed := time.Now()
	time.Sleep(after)
	require.Eventually(t, func() bool { l.gather(); return l.closed == 1 }, 10*time.Second, tick)
	return closing.Sub(opened), closed.Sub(before)
}

// Others that set the counters to zero are named, once; what can be read is counted.
func TestZeroedCounters(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	flow := l.udp("10.32.0.1")
	flow(50)
	l.gather()
	for range 3 {
		l.ns.Exec(t, testkit.Tool("conntrack"), "-L", "-z")
		flow(30)
		l.gather() // below 50, but not below the 10 of the round before
		l.ns.Exec(t, testkit.Tool("conntrack"), "-L", "-z")
		flow(10)
		l.gather()
	}
	require.EqualValues(t, 50+(30+10)+2*(20+10), l.sum["udp-src"].Packets)
	require.Len(t, l.log.with("W! another program resets the kernel's counters"), 1)
	require.Equal(t, int64(4), l.internal["zeroed_flows"])
}

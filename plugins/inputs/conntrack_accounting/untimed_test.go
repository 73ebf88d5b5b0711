package conntrack_accounting

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// startUntimed starts the plugin where the kernel reports no start times.
func (l *lab) startUntimed(options ...func(*Plugin)) {
	for name, value := range map[string]int{"acct": 1, "events": 1, "timestamp": 0} {
		l.ns.Sysctl(l.t, "net.netfilter.nf_conntrack_"+name, value)
	}
	l.start(append(options, func(p *Plugin) { p.SetSysctls = false })...)
}

// Connections that are alike in all that the kernel reports of them, down to the
// CTA_ID, are counted one by one.
func TestLikeConnectionsWithoutStartTimes(t *testing.T) {
	const connections = 300
	for name, gathers := range map[string]int{"no dump sees them": 0, "dumps amid them": 20} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.serve()
			l.startUntimed()
			ids := l.watchIDs()
			for n := range connections {
				l.resetConnection("10.32.0.1:5000", "10.33.0.1:80")
				if gathers > 0 && n%gathers == 0 {
					l.gather()
				}
			}
			l.flush()
			l.gather()
			l.requireExact()
			require.EqualValues(t, connections, l.closed)
			require.Less(t, ids(), connections, "no CTA_ID came twice: this proves nothing")
			require.Zero(t, l.stats().Repeated)
			l.requireForgotten()
		})
	}
}

// resetConnection opens a connection from an address and port, sends a byte
// each way, and resets it, so that the port is free again at once.
func (l *lab) resetConnection(from, to string) {
	l.t.Helper()
	require.NoError(l.t, l.ns.Do(func() error {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), KeepAlive: -1, Timeout: 10 * time.Second}
		conn, err := dialer.Dial("tcp", to)
		if err != nil {
			return err
		}
		if err := testkit.Transfer(conn, 1, 1); err != nil {
			return err
		}
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
		return conn.Close()
	}))
}

// While another listener is behind, equal events are repeated ones.
func TestRepeatedEventsWithoutStartTimes(t *testing.T) {
	t.Parallel()
	const flows = 2000
	l := newLab(t)
	l.ns.ListenUDP(t, "0.0.0.0:9")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	l.startUntimed(func(p *Plugin) { p.DestinationMask = "16" })
	release := l.listenSlowly()
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows, 10))
	l.flush()
	require.Eventually(t, func() bool { return l.stats().Repeated > 0 }, time.Minute, time.Millisecond, "before any gather")
	for range 3 {
		l.gather()
	}
	close(release)
	l.requireForgotten()
	l.requireExact()
	require.EqualValues(t, flows, l.sum["udp-src"].Packets)
}

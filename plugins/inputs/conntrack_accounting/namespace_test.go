package conntrack_accounting

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A namespace that is made again under its name is accounted from its beginning;
// what the old one sent until the gather that notices is not lost.
func TestNamespaceIsMadeAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file, keep := withState(t)
	l.start(keep)
	flow := l.udp("10.32.0.1")
	flow(5)
	l.gather()
	flow(4) // on sockets of the old one

	for _, command := range []string{"del", "add"} {
		out, err := exec.Command(testkit.Tool("ip"), "netns", command, l.ns.Name).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	l.ns.IP(t, "link", "set", "lo", "up")
	l.ns.Local(t, "10.32.0.0/11")
	for _, key := range []string{"acct", "timestamp", "events"} {
		l.ns.Sysctl(t, "net.netfilter.nf_conntrack_"+key, 1)
	}
	l.ns.TrackAll(t)
	l.ns.EchoUDP(t, "10.33.0.1:53")
	flow = l.udp("10.32.0.1")
	flow(7)
	l.gather()
	require.EqualValues(t, 5+4, l.sum["udp-src"].Packets, "the old one's")
	require.Len(t, l.log.with("is another namespace now"), 1)
	flow(6)
	l.gather()
	require.EqualValues(t, 5+4+7+6, l.sum["udp-src"].Packets)

	l.plugin.Stop() // its state is one of the new namespace
	require.FileExists(t, file)
	flow(3)
	l.start(keep)
	l.gather()
	require.EqualValues(t, 5+4+7+6+3, l.sum["udp-src"].Packets)
	require.Len(t, l.log.with("is another namespace now"), 1)
}

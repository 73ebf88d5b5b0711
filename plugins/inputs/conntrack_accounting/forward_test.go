package conntrack_accounting

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// router is a lab between two hosts: what it counts it forwards.
type router struct {
	*lab
	client, server *testkit.Netns
	clientDev      string
}

func newRouter(t *testing.T) *router {
	testkit.Need(t, "nft", "conntrack")
	r := &router{
		lab:    &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}, sum: map[string]testkit.Counter{}},
		client: testkit.NewNetns(t), server: testkit.NewNetns(t),
	}
	_, r.clientDev = testkit.Link(t, r.ns, r.client, []string{"10.32.0.1/24"}, []string{"10.32.0.2/24"})
	testkit.Link(t, r.ns, r.server, []string{"10.33.0.1/24"}, []string{"10.33.0.2/24"})
	r.client.LosslessRoute(t, "10.33.0.0/24", "10.32.0.1")
	r.server.LosslessRoute(t, "10.32.0.0/24", "10.33.0.1")
	r.ns.Sysctl(t, "net.ipv4.ip_forward", 1)
	r.ns.TrackAll(t)
	return r
}

// A packet that a rule of the forward chain drops is counted, unless it is the first
// of its flow, which then never comes to be.
func TestDroppedPacketsAreCounted(t *testing.T) {
	t.Parallel()
	r := newRouter(t)
	r.ns.Nft(t, `table ip filter { chain forward {
		type filter hook forward priority filter;
		udp dport 10 counter drop
		udp length > 500 drop
	}
	}`)
	r.start()
	server := netip.MustParseAddr("10.33.0.2")
	client := r.client.ListenUDP(t, "10.32.0.2:1000")
	require.NoError(t, testkit.Spray(client, server, 10, 1, 100))
	require.NoError(t, testkit.Spray(client, server, 11, 1, 100))
	for range 3 {
		require.NoError(t, testkit.Spray(client, server, 11, 1, 1000))
	}
	r.gather()
	r.requireOnly("udp", "10.32.0.2", "10.33.0.2", "11")
	require.Equal(t, testkit.Counter{Packets: 4, Bytes: 128 + 3*1028}, r.sum["udp-src"])
}

// Packets are those that conntrack sees: with offloads, one stands for many that are
// on the wire, whose headers are not counted either.
func TestOffloadsMakeFewerPackets(t *testing.T) {
	t.Parallel()
	const bytes = 4_000_000
	r := newRouter(t)
	r.server.ServeTCP(t, "10.33.0.2:80")
	r.start()
	send := func() testkit.Counter {
		before := r.sum["tcp-src"]
		require.NoError(t, r.client.TCP("10.32.0.2", "10.33.0.2:80", 1, bytes, 1))
		r.gather()
		now := r.sum["tcp-src"]
		return testkit.Counter{Packets: now.Packets - before.Packets, Bytes: now.Bytes - before.Bytes}
	}
	large := send()
	r.client.IP(t, "link", "set", r.clientDev, "gso_max_segs", "1")
	small := send()
	const segment = 1448
	require.Greater(t, small.Packets, uint64(bytes/segment))
	require.Less(t, large.Packets, small.Packets/4)
	require.Greater(t, large.Bytes, uint64(bytes))
	require.InDelta(t, float64(small.Bytes)/float64(large.Bytes), 1.03, 0.02)
}

// With nf_conntrack_tcp_loose=0, connections whose beginning conntrack did not see pass
// uncounted, as invalid, until they begin anew.
func TestNothingIsPickedUpWithoutLoose(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.ns.Sysctl(t, "net.netfilter.nf_conntrack_tcp_loose", 0)
	l.start()
	send, _ := l.stream("10.32.0.1", "10.33.0.1:80")
	send(10_000)
	l.flush()
	l.gather()
	l.requireExact()
	before, invalid := total(l.sum), l.internal["table_invalid"].(int64)
	send(20_000)
	l.gather()
	require.Equal(t, before, total(l.sum))
	require.Greater(t, l.internal["table_invalid"].(int64), invalid)
	require.Empty(t, l.log.with("connections midway"))
}

package conntrack_accounting

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
	"telegraf-conntrack-accounting/internal/testkit"
)

// serve opens a TCP server, a UDP echo and a UDP sink for both families.
func (l *lab) serve() {
	for _, host := range []string{"10.33.0.1", "[2001:db8:33::1]"} {
		l.ns.ServeTCP(l.t, host+":80")
		l.ns.EchoUDP(l.t, host+":53")
	}
	l.ns.ListenUDP(l.t, "0.0.0.0:9")
}

// talk opens short flows of every kind from the given host number.
func (l *lab) talk(host, count int) {
	l.t.Helper()
	for _, to := range []struct{ client, server string }{
		{fmt.Sprintf("10.32.0.%d", host), "10.33.0.1"},
		{fmt.Sprintf("2001:db8:32::%d", host), "[2001:db8:33::1]"},
	} {
		require.NoError(l.t, l.ns.TCP(to.client, to.server+":80", count, 1000*host, 70_000))
		for range count {
			require.NoError(l.t, l.ns.UDP(to.client, to.server+":53", 3, 100+host))
		}
	}
	l.ns.Exec(l.t, "ping", "-c", "2", "-i", "0.01", "-I", "10.32.0.1", "10.33.0.1")
	l.ns.Exec(l.t, "ping", "-c", "2", "-i", "0.01", "-I", "2001:db8:32::1", "2001:db8:33::1")
}

func TestShortFlowsThatNoDumpSees(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	for host := range 5 {
		l.talk(host+1, 20)
		l.flush()
	}
	l.gather()
	l.requireExact()
	require.EqualValues(t, 2*5*20, l.closed)
	require.NotZero(t, l.stats().ShortFlows)
	l.requireForgotten()
	l.requireExact()
}

func TestFlowsAliveAcrossGathersAndAFlush(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	conn := l.ns.DialTCP(t, "10.32.0.1", "10.33.0.1:80")
	conn6 := l.ns.DialTCP(t, "2001:db8:32::1", "[2001:db8:33::1]:80")
	for round := range 10 {
		require.NoError(t, testkit.Transfer(conn, 1000*round, 50_000))
		require.NoError(t, testkit.Transfer(conn6, 10, 1000*round))
		l.gather()
		if round == 5 {
			l.requireQuiet()
			l.flush() // the next packet makes a new flow of the old connection
		}
	}
	l.gather()
	l.requireExact()
	require.EqualValues(t, 2, l.closed, "the two that the flush ended")
	l.requireQuiet()
	l.requireForgotten()
	l.requireExact()
	require.EqualValues(t, 4, l.closed)
}

// What flows sent before the start is ignored, or accounted on request; from
// then on every byte counts either way.
func TestFlowsAliveBeforeTheStart(t *testing.T) {
	t.Parallel()
	for _, existing := range []string{"ignore", "account"} {
		t.Run(existing, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.serve()
			l.ns.Sysctl(t, "net.netfilter.nf_conntrack_acct", 1)
			l.ns.Sysctl(t, "net.netfilter.nf_conntrack_events", 1)
			conn := l.ns.DialTCP(t, "10.32.0.1", "10.33.0.1:80")
			require.NoError(t, testkit.Transfer(conn, 100_000, 300_000))
			l.requireQuiet()
			if existing == "ignore" {
				for name, c := range l.counted() {
					l.sum[name] = c
				}
			}
			l.start(func(p *Plugin) { p.ExistingFlows, p.StateFile = existing, filepath.Join(t.TempDir(), "state") })
			l.gather()
			l.requireExact()
			require.NoError(t, testkit.Transfer(conn, 5_000, 7_000))
			l.requireQuiet()
			l.flush()
			l.gather()
			l.requireExact()
			require.EqualValues(t, 1, l.closed)
		})
	}
}

// The same tuple again and again, each flow dead before the next: the kernel
// gives some of them the same CTA_ID.
func TestReusedIDs(t *testing.T) {
	l := newLab(t)
	l.ns.ListenUDP(t, "10.33.0.1:9")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	l.start()
	ids := l.watchIDs()
	server := netip.MustParseAddr("10.33.0.1")
	for size := range 200 {
		require.NoError(t, testkit.Spray(client, server, 9, 1, size%3+1))
		if size%50 == 25 {
			l.gather()
		}
		l.flush()
	}
	l.gather()
	l.requireExact()
	require.Less(t, ids(), 200, "no CTA_ID came twice: this proves nothing")
	l.requireForgotten()
}

// watchIDs returns a function that tells how many different CTA_IDs have died
// since.
func (l *lab) watchIDs() func() int {
	ns, err := ctnetlink.OpenNamespace(l.ns.Path())
	require.NoError(l.t, err)
	var mu sync.Mutex
	ids := map[uint32]bool{}
	listener, err := ctnetlink.ListenDestroy(ns, 1<<20, func(batch []accounting.Flow) {
		mu.Lock()
		defer mu.Unlock()
		for i := range batch {
			ids[batch[i].ID] = true
		}
	})
	require.NoError(l.t, err)
	l.t.Cleanup(func() {
		require.NoError(l.t, listener.Close())
		require.NoError(l.t, ns.Close())
	})
	return func() int {
		require.True(l.t, listener.Fence(10*time.Second))
		mu.Lock()
		defer mu.Unlock()
		return len(ids)
	}
}

// Two zones hold flows of the same tuple at the same time.
func TestZonesWithIdenticalTuples(t *testing.T) {
	t.Parallel()
	for _, zones := range [][]int{nil, {1, 2}, {2}} {
		t.Run(fmt.Sprint(zones), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.ns.Nft(t, `table inet zones {
				chain output {
					type filter hook output priority raw;
					udp length 108 ct zone set 1
					udp length 208 ct zone set 2
				}
			}`)
			l.ns.ListenUDP(t, "10.33.0.1:9")
			client := l.ns.ListenUDP(t, "10.32.0.1:1000")
			l.start(func(p *Plugin) { p.Zones = zones })
			server := netip.MustParseAddr("10.33.0.1")
			for round := range 10 {
				require.NoError(t, testkit.Spray(client, server, 9, 1, 100))
				require.NoError(t, testkit.Spray(client, server, 9, 1, 200))
				if round == 4 {
					l.gather()
				}
			}
			l.flush()
			l.gather()
			if len(zones) == 1 {
				require.Equal(t, testkit.Counter{Packets: 10, Bytes: 10 * 228}, l.sum["udp-src"])
				return
			}
			l.requireExact()
			require.Equal(t, uint64(20), l.sum["udp-src"].Packets)
		})
	}
}

// 50,000 flows end at once and their events do not fit into the buffer by
// far: the kernel keeps them until they do.
func TestFlushOfManyFlowsWithASmallBuffer(t *testing.T) {
	t.Parallel()
	const flows = 50_000
	l := newLab(t)
	l.ns.ListenUDP(t, "0.0.0.0:9")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	l.start(func(p *Plugin) {
		p.ReceiveBuffer = config.Size(208 << 10)
		p.DestinationMask = "16"
	})
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows/2, 10))
	l.gather()
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.36.0.0"), 9, flows/2, 10))
	l.flush()
	l.gather()
	l.requireExact()
	require.EqualValues(t, flows, l.sum["udp-src"].Packets)
	require.NotZero(t, l.plugin.destroyed.Stats().Overruns, "the buffer never overran: this proves nothing")
	l.requireForgotten()
	l.requireExact()
}

// 20,000 connections open, close and are destroyed while dumps and events
// race each other. Only those that are over are destroyed: a packet that is
// under way when its flow is flushed is counted or not as the race goes.
func TestChurnDuringGathers(t *testing.T) {
	t.Parallel()
	const clients, rounds, each = 4, 50, 100
	l := newLab(t)
	l.serve()
	l.start(func(p *Plugin) { p.ReceiveBuffer = config.Size(64 << 10) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var load, waste sync.WaitGroup
	for client := range clients {
		load.Go(func() {
			for round := range rounds {
				if err := l.ns.TCP(fmt.Sprintf("10.32.%d.%d", client, round+1), "10.33.0.1:80", each, 100, 500); err != nil {
					t.Errorf("churn: %v", err)
				}
			}
		})
	}
	waste.Go(func() {
		for l.pause(ctx) { // until the load is done; it fails where there is nothing to delete
			_ = l.ns.Command(testkit.Tool("conntrack"), "-D", "-p", "tcp", "--state", "TIME_WAIT").Run()
		}
	})
	waste.Go(func() {
		load.Wait()
		cancel()
	})
	for l.pause(ctx) {
		l.gather()
	}
	waste.Wait()
	l.requireForgotten()
	l.requireExact()
	require.EqualValues(t, clients*rounds*each, l.closed)
}

// pause lets the load have the CPU for a moment. It returns false once the context has
// ended.
func (l *lab) pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(tick):
		return true
	}
}

// Another listener that asks for reliable events, such as a second instance,
// is far behind: the kernel then repeats events for all, for as long as it
// takes, and none may count twice.
func TestAnotherReliableListenerIsBehind(t *testing.T) {
	t.Parallel()
	const flows = 4000
	l := newLab(t)
	l.ns.ListenUDP(t, "0.0.0.0:9")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	l.start(func(p *Plugin) { p.DestinationMask = "16" })
	release := l.listenSlowly()
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows, 10))
	l.flush()
	for range 20 {
		l.gather()
		require.Positive(t, l.internal["dying_flows"])
	}
	close(release)
	l.requireForgotten()
	l.requireExact()
	require.NotZero(t, l.stats().Repeated, "no event came twice: this proves nothing")
	require.EqualValues(t, flows, l.sum["udp-src"].Packets)
}

// The same on a machine that stalls: gathers come and go while events that come
// again wait to be read.
func TestRepeatedEventsOutlastGathers(t *testing.T) {
	t.Parallel()
	const flows = 2000
	l := newLab(t)
	l.ns.ListenUDP(t, "0.0.0.0:9")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	l.start(func(p *Plugin) { p.DestinationMask = "16" })
	stall := l.stallable()
	release := l.listenSlowly()
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows, 10))
	l.flush()
	require.Eventually(t, func() bool { l.gather(); return l.sum["udp-src"].Packets >= flows }, time.Minute, tick)

	stall.Lock()
	dumper, err := ctnetlink.NewDumper(l.plugin.namespace, ctnetlink.Filter{})
	require.NoError(t, err)
	close(release)
	require.Eventually(t, func() bool { // until all events have come again
		dying, err := dumper.DumpDying(func([]accounting.Flow) {})
		return err == nil && dying.Flows == 0
	}, time.Minute, tick)
	for range 3 { // each waits for fenceTimeout
		l.gather()
	}
	stall.Unlock()
	l.requireForgotten()
	l.requireExact()
	require.NotZero(t, l.stats().Repeated, "no event came twice: this proves nothing")
	require.EqualValues(t, flows, l.sum["udp-src"].Packets)
}

// What flows that are older than the plugin sent is not accounted, even if they
// end while it starts and it gives up waiting for their events, as on a machine
// that stalls.
func TestBaselineOutlastsAStall(t *testing.T) {
	t.Parallel()
	const flows = 100
	l := newLab(t)
	l.ns.ListenUDP(t, "0.0.0.0:9")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	l.start()
	stall := l.stallable()
	stall.Lock()
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows, 10))
	l.startAgain()
	l.flush()
	require.NoError(t, l.plugin.readTable()) // waits for fenceTimeout
	stall.Unlock()
	require.Eventually(t, func() bool { l.gather(); return l.stats().OlderFlows == flows }, time.Minute, tick)
	require.Empty(t, l.sum)

	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows, 10))
	l.flush()
	l.gather()
	require.EqualValues(t, flows, l.sum["udp-src"].Packets, "the baseline is over")
}

// startAgain has the plugin forget all it knows and begin a baseline.
func (l *lab) startAgain() {
	l.plugin.mu.Lock()
	defer l.plugin.mu.Unlock()
	l.plugin.tracker = accounting.NewTracker(l.plugin.cfg)
	l.plugin.tracker.BeginBaseline(time.Now())
}

// stallable replaces the plugin's listener of DESTROY events by one that handles
// none while somebody holds the lock.
func (l *lab) stallable() *sync.Mutex {
	stall := &sync.Mutex{}
	handle := l.plugin.handle((*accounting.Tracker).OnDestroy)
	listener, err := ctnetlink.ListenDestroy(l.plugin.namespace, 64<<20, func(batch []accounting.Flow) {
		stall.Lock()
		defer stall.Unlock()
		handle(batch)
	})
	require.NoError(l.t, err)
	require.NoError(l.t, l.plugin.destroyed.Close())
	l.plugin.destroyed = listener
	return stall
}

// listenSlowly joins the DESTROY group with a tiny buffer and reads nothing
// until the channel is closed.
func (l *lab) listenSlowly() chan struct{} {
	ns, err := ctnetlink.OpenNamespace(l.ns.Path())
	require.NoError(l.t, err)
	release := make(chan struct{})
	slow, err := ctnetlink.ListenDestroy(ns, 16<<10, func([]accounting.Flow) { <-release })
	require.NoError(l.t, err)
	l.t.Cleanup(func() {
		require.NoError(l.t, slow.Close())
		require.NoError(l.t, ns.Close())
	})
	return release
}

package cluster

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// costs are what all programs of a kind have taken.
type costs struct {
	gateways, nodes, agents, sinks, postgres float64 // seconds of CPU; agents are the Telegrafs of sinks
	toNodes, toSinks                         float64 // bytes on their wires
}

func (w *whole) costs() (c costs) {
	for _, g := range w.gateways {
		c.gateways += testkit.CPU(w.t, g.agent.Pid())
	}
	for n, node := range w.nats.running {
		c.nodes += testkit.CPU(w.t, node.Pid())
		c.toNodes += w.net.sentTo(nodeAddr(n))
	}
	for _, s := range w.sinks {
		c.agents += testkit.CPU(w.t, s.agent.Pid())
		c.sinks += testkit.CPU(w.t, s.psqlSink.Pid())
		c.toSinks += w.net.sentTo(s.addr)
	}
	c.postgres = testkit.CPU(w.t, w.pg.Pid())
	return c
}

// sentTo returns the bytes that a machine was sent.
func (n *network) sentTo(addr string) float64 {
	var links []struct {
		Stats64 struct{ Tx struct{ Bytes float64 } }
	}
	require.NoError(n.t, json.Unmarshal([]byte(n.hub.IP(n.t, "-s", "-j", "link", "show", n.ports[addr])), &links))
	return links[0].Stats64.Tx.Bytes
}

// disk returns the bytes of files that the nodes have.
func (c *natsCluster) disk() (bytes float64) {
	for _, config := range c.configs {
		require.NoError(c.t, filepath.WalkDir(filepath.Dir(config), func(path string, _ fs.DirEntry, _ error) error {
			if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() { // it may be gone already
				bytes += float64(info.Size())
			}
			return nil
		}))
	}
	return bytes
}

// meshed are groups that all talk to each other, in each report anew.
func meshed(_, line int) (src, dst string) {
	const groups = 71
	return fmt.Sprintf("10.32.%d.0", line%groups), destination(line / groups)
}

// GATEWAYS report SERIES each EVERY seconds. It shows what a row costs in each program, once
// all have started and know these series.
func TestLoad(t *testing.T) {
	testkit.Trial(t)
	gateways, series := testkit.Number(t, "GATEWAYS", 3), testkit.Number(t, "SERIES", 400)
	reports, every := testkit.Number(t, "REPORTS", 2), time.Duration(testkit.Number(t, "EVERY", 1))*time.Second
	w := newWhole(t, deployedAs, "shared_buffers=512MB", "max_wal_size=4GB")
	defer w.end()
	names := make([]string, gateways)
	for g := range names {
		names[g] = fmt.Sprintf("gw-%d", g+1)
	}
	w.nats.admit(names[1:]...)
	for g, name := range names {
		w.startGateway(name)
		w.gateways[g].pair = meshed
	}
	w.report(series)
	w.visible(series)

	before := w.costs()
	var lags []time.Duration
	tick := time.NewTicker(every)
	defer tick.Stop()
	for range reports {
		w.report(series)
		begin := time.Now()
		w.visible(series)
		lags = append(lags, time.Since(begin))
		<-tick.C
	}
	after := w.costs()
	slices.Sort(lags)
	each := func(before, after float64) float64 { return (after - before) / float64(gateways*series*reports) }
	micro := func(before, after float64) float64 { return 1e6 * each(before, after) }
	t.Logf("%d gateways of %d series, %d reports, one each %v. CPU in µs a row: %.1f in gateways' Telegrafs, %.1f in NATS, "+
		"%.1f in sinks' Telegrafs, %.1f in psql-sink, %.1f in Postgres. Bytes a row: %.0f to NATS, %.0f to sinks. Visible after %.2f s (median), %.2f s (longest)",
		gateways, series, reports, every, micro(before.gateways, after.gateways), micro(before.nodes, after.nodes), micro(before.agents, after.agents),
		micro(before.sinks, after.sinks), micro(before.postgres, after.postgres), each(before.toNodes, after.toNodes), each(before.toSinks, after.toSinks),
		lags[len(lags)/2].Seconds(), lags[len(lags)-1].Seconds())

	w.pile(series)
	w.settle(t)
	require.Empty(t, w.forged(t))
	testkit.RequireExact(t, w.pg.DB())
}

// visible waits until each gateway's last report is in a sum.
func (w *whole) visible(series int) {
	w.t.Helper()
	last := epoch.Add(time.Duration(w.gateways[0].reports-1) * 15 * time.Second)
	require.Eventually(w.t, func() bool {
		var rows int
		err := w.pg.DB().QueryRow("SELECT coalesce(sum(connection_count), 0) FROM vpn_traffic_by_port WHERE time = $1", last).Scan(&rows)
		return err == nil && rows == len(w.gateways)*series
	}, 2*time.Minute, 50*time.Millisecond)
}

// pile has reports wait in NATS while there is no sink, and shows their bytes on its disks.
func (w *whole) pile(series int) {
	w.t.Helper()
	const reports = 2
	w.drain(w.t)
	for _, s := range w.sinks {
		require.NoError(w.t, s.agent.Stop())
	}
	before := w.nats.disk()
	for range reports {
		w.report(series)
	}
	var last stream
	require.Eventually(w.t, func() bool { // no gateway has had anything to flush for a while
		now, err := w.nats.info()
		still := err == nil && now.State.Messages > 0 && now.State == last.State
		last = now
		return still
	}, time.Minute, 3*time.Second)
	w.t.Logf("%.0f bytes a row wait on the disks of NATS", (w.nats.disk()-before)/float64(len(w.gateways)*series*reports))
	for _, s := range w.sinks {
		s.startAgent()
	}
}

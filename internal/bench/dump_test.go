package bench

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// newTable returns a namespace whose table holds as many flows, which stay.
func newTable(b *testing.B, flows int) *testkit.Netns {
	testkit.Need(b, "nft", "conntrack")
	allow(b, flows)
	ns := testkit.NewNetns(b)
	ns.TrackAll(b)
	for _, key := range []string{"nf_conntrack_acct", "nf_conntrack_timestamp", "nf_conntrack_events"} {
		ns.Sysctl(b, key, 1)
	}
	ns.Sysctl(b, "nf_conntrack_udp_timeout", 86_400)
	ns.Local(b, "10.32.0.0/11")
	ns.ListenUDP(b, "0.0.0.0:9")
	spray(b, ns, flows)
	return ns
}

// spray opens flows from one host to as many.
func spray(b *testing.B, ns *testkit.Netns, flows int) {
	const each = 1 << 20 // as many addresses are local
	for port := 1000; flows > 0; port++ {
		client := ns.ListenUDP(b, "10.32.0.1:"+strconv.Itoa(port))
		require.NoError(b, testkit.Spray(client, netip.MustParseAddr("10.33.0.0"), 9, min(flows, each), 8))
		require.NoError(b, client.Close())
		flows -= each
	}
}

// allow raises nf_conntrack_max, which the whole machine shares, for as long as
// the benchmark runs.
func allow(b *testing.B, flows int) {
	const path = "/proc/sys/net/netfilter/nf_conntrack_max"
	before, err := os.ReadFile(path)
	require.NoError(b, err)
	limit, err := strconv.Atoi(strings.TrimSpace(string(before)))
	require.NoError(b, err)
	if limit > flows*5/4 {
		return
	}
	require.NoError(b, os.WriteFile(path, fmt.Append(nil, flows*5/4), 0))
	b.Cleanup(func() { require.NoError(b, os.WriteFile(path, before, 0)) })
}

// sizes are the tables to measure: BENCH_FLOWS, or small, large and huge.
func sizes(b *testing.B) (list []int) {
	text := os.Getenv("BENCH_FLOWS")
	if text == "" {
		text = "10000 100000 1000000"
	}
	for _, word := range strings.Fields(text) {
		n, err := strconv.Atoi(word)
		require.NoError(b, err, "BENCH_FLOWS")
		list = append(list, n)
	}
	return list
}

// BenchmarkTable compares ways to read the whole table.
func BenchmarkTable(b *testing.B) {
	peers, plugin := peers(b), testkit.Binary(b, module+"/cmd/execd-plugin")
	for _, flows := range sizes(b) {
		ns := newTable(b, flows)
		contenders := []contender{
			{"receive only", func() cost { return costOf(b, ns.Command(peers, "receive")) }},
			{"Gather", func() cost { return costOf(b, child("gather", "NETNS="+ns.Path())) }},
			{"execd-plugin", func() cost { return gatherOnce(b, ns, plugin) }},
			{"conntrack -L", func() cost { return watch(b, ns.Command("conntrack", "-L")) }},
			{"ti-mo Dump", func() cost { return costOf(b, ns.Command(peers, "ti-mo")) }},
			{"vishvananda", func() cost { return costOf(b, ns.Command(peers, "vishvananda")) }},
		}
		costs := compete(b, contenders)
		var t table
		t.add("", "time", "to receive only", "to Gather", "CPU", "allocations", "peak memory")
		for i, c := range contenders {
			m := median(costs[i])
			t.add(c.name, ms(m.Wall), ratio(costs[i], costs[0], wall), ratio(costs[i], costs[1], wall), ms(m.CPU), m.Allocs, mb(m.PeakKiB))
		}
		t.print(fmt.Sprintf("A table of %d flows", flows))
		require.NoError(b, ns.Flush())
	}
}

// gatherOnce measures gathers of the program as Telegraf runs it, from the
// newline to the last metric.
func gatherOnce(b *testing.B, ns *testkit.Netns, program string) (c cost) {
	p := startProgram(b, ns, program)
	var costs []cost
	for range 4 {
		start := time.Now()
		p.gather()
		costs = append(costs, cost{Wall: time.Since(start)})
	}
	c = median(costs[1:])
	c.PeakKiB = peakOf(p.cmd.Process.Pid)
	c.CPU = p.stop() / 6 // the baseline, four gathers, and one at the end
	return c
}

package accounting

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// listed returns n networks, /24s of IPv4 and /64s of IPv6, and the list of
// them.
func listed(t testing.TB, n int) (*Networks, []Addr) {
	t.Helper()
	networks := &Networks{}
	addrs := make([]Addr, n)
	for i := range addrs {
		prefix := fmt.Sprintf("10.%d.%d.0/24", i>>8&0xff, i&0xff)
		if i >= 1<<16 {
			prefix = fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff)
		}
		name, keys := fmt.Sprint("network ", i), []Tag{{"site", strconv.Itoa(i % 100)}}
		require.NoError(t, networks.Add(Network{netip.MustParsePrefix(prefix), name, keys}))
		addrs[i] = addr(t, prefix[:strings.IndexByte(prefix, '/')])
	}
	return networks, addrs
}

// busy returns n flows from some of the networks to some others.
func busy(n int, networks []Addr) []Flow {
	const ends = 300
	rng := rand.New(rand.NewPCG(1, 2))
	some := rng.Perm(len(networks))[:2*ends]
	flows := make([]Flow, n)
	for i := range flows {
		flows[i] = Flow{ID: rng.Uint32(), Proto: 17, HasCounters: true, Start: int64(i) + 1, Orig: Tuple{
			Src: networks[some[rng.IntN(ends)]], Dst: networks[some[ends+rng.IntN(ends)]], SrcPort: uint16(i), DstPort: 53,
		}}
		flows[i].Orig.Src[15], flows[i].Orig.Dst[15] = byte(rng.Uint32()), byte(rng.Uint32())
	}
	return flows
}

// gather reads all flows, each of which has sent something, and takes the
// series with the networks of both ends.
func gather(tr *Tracker, flows []Flow, round int) (series int) {
	tr.BeginDump(at(float64(round)))
	for i := range flows {
		flows[i].OrigCounters = Counters{Packets: uint64(round), Bytes: 100 * uint64(round)}
		tr.Observe(&flows[i])
	}
	tr.EndDump(true, true)
	each(tr, func(s *Series) {
		tr.SourceNetwork(&s.Key)
		tr.DestinationNetwork(&s.Key)
		series++
	})
	return series
}

// trackers returns one without and two with 100,000 networks, which all make
// the same series.
func trackers(t testing.TB, networks *Networks) map[string]*Tracker {
	t.Helper()
	masks := byNetwork(t, "24", false)
	masks.MaxSeries = 200_000
	masks.Source.IPv6 = PrefixMask(64)
	masks.Destination.IPv6 = masks.Source.IPv6
	grouped := masks
	masks.Source.Network, masks.Destination.Network = false, false
	all := map[string]*Tracker{"without": NewTracker(masks), "names": NewTracker(masks), "groups": NewTracker(grouped)}
	all["names"].SetNetworks(networks)
	all["groups"].SetNetworks(networks)
	return all
}

// BenchmarkNetworksFile compares gathers of 100,000 flows that all send: with
// 100,000 networks for names, and for groups and names, against without. The
// fastest gathers are compared, by the CPU they took, so that a noisy machine
// does not decide.
func BenchmarkNetworksFile(b *testing.B) {
	networks, addrs := listed(b, 100_000)
	flows := busy(100_000, addrs)
	all := trackers(b, networks)
	for _, tr := range all {
		gather(tr, flows, 1) // meets the flows, which is when their networks are looked up
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := map[string]time.Duration{}
	round := 1
	for b.Loop() {
		round++
		for name, tr := range all {
			began := threadTime(b)
			gather(tr, flows, round)
			if d := threadTime(b) - began; took[name] == 0 || d < took[name] {
				took[name] = d
			}
		}
	}
	for name, d := range took {
		if name != "without" {
			b.ReportMetric(float64(d)/float64(took["without"]), name+"/without")
		}
	}
	b.ReportMetric(float64(took["without"])/float64(len(flows)), "ns/flow-without")
	b.ReportMetric(0, "ns/op")
}

// threadTime returns the CPU time that this thread has used.
func threadTime(b *testing.B) time.Duration {
	var used unix.Timespec
	require.NoError(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used))
	return time.Duration(used.Nano())
}

// A million flows are a million entries: each byte is a megabyte and more.
func TestEntriesStaySmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(key{}), uintptr(56))
	require.LessOrEqual(t, unsafe.Sizeof(entry{}), uintptr(64))
}

// A gather allocates nothing for a flow that it knows, whatever it is grouped
// by.
func TestGathersAllocateNothingPerFlow(t *testing.T) {
	networks, addrs := listed(t, 1000)
	flows := busy(2000, addrs)
	all := trackers(t, networks)
	split := all["groups"].cfg
	split.GroupBy = GroupBy{Zone: true, Family: true, MarkMask: 0xff, SourcePorts: 1024}
	all["split"] = NewTracker(split)
	all["split"].SetNetworks(networks)
	for name, tr := range all {
		round := 1
		require.NotZero(t, gather(tr, flows, round))
		require.Less(t, testing.AllocsPerRun(5, func() {
			round++
			gather(tr, flows, round)
		}), 100.0, name)
	}
}

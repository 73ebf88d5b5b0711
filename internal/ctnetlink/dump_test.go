package ctnetlink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/testkit"
)

// oracleDump returns what ti-mo/conntrack dumps, as dumpAll does and without what
// it does not know.
func oracleDump(t *testing.T, n *testkit.Netns) []accounting.Flow {
	t.Helper()
	dumped, err := dialOracle(t, n).Dump(nil)
	require.NoError(t, err)
	flows := make([]accounting.Flow, len(dumped))
	for i := range dumped {
		flows[i] = fromOracle(&dumped[i])
		flows[i].Timeout = 0
	}
	return flows
}

func TestDumpAgainstOracle(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	n.Nft(t, `table inet marks {
		chain raw {
			type filter hook output priority raw;
			udp sport 4001 ct zone set 7
			udp sport 4002 ct original zone set 8
		}
		chain marking {
			type filter hook output priority filter;
			udp sport 4003 ct mark set 0xabcd0102
		}
	}`)
	for port := 4000; port < 4004; port++ {
		sendUDP(t, n, unix.AF_INET, port, 300)
		sendUDP(t, n, unix.AF_INET6, port, 300)
	}
	tcpConnections(t, n, 20)

	want := oracleDump(t, n)
	require.GreaterOrEqual(t, len(want), 8*300+20)
	got := dumpAll(t, newDumper(t, ns, Filter{}))
	zones := make(map[uint16]int)
	for i := range got {
		require.True(t, got[i].HasCounters)
		got[i].HasCounters, got[i].Began = false, accounting.BeganUnknown // see requireLike
		zones[got[i].Zone]++
	}
	require.ElementsMatch(t, want, got)
	require.Equal(t, 600, zones[7])
	require.Equal(t, 600, zones[8])
}

func TestDumpFilter(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	n.Nft(t, `table inet marks {
		chain marking {
			type filter hook output priority filter;
			udp sport 4001 ct mark set 0x0101
			udp sport 4002 ct mark set 0x0202
		}
	}`)
	for port := 4000; port < 4003; port++ {
		sendUDP(t, n, unix.AF_INET, port, 10)
		sendUDP(t, n, unix.AF_INET6, port, 10)
	}
	tests := []struct {
		name   string
		filter Filter
		want   int
	}{
		{"all", Filter{}, 60},
		{"IPv4", Filter{Family: unix.AF_INET}, 30},
		{"IPv6", Filter{Family: unix.AF_INET6}, 30},
		{"mark", Filter{Mark: 0x0101, MarkMask: 0xffffffff}, 20},
		{"mark and IPv6", Filter{Mark: 0x0101, MarkMask: 0xffffffff, Family: unix.AF_INET6}, 10},
		{"bits of the mark", Filter{Mark: 0x02, MarkMask: 0xff}, 20},
		{"mark beyond its mask", Filter{Mark: 0xff02, MarkMask: 0xff}, 20},
		{"no mark", Filter{Mark: 0, MarkMask: 0xff}, 20},
	}
	everything := dumpAll(t, newDumper(t, ns, Filter{}))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			flows := dumpAll(t, newDumper(t, ns, test.filter))
			require.Len(t, flows, test.want)
			var matching []accounting.Flow
			for i := range everything {
				if test.filter.Match(&everything[i]) {
					matching = append(matching, everything[i])
				}
			}
			require.ElementsMatch(t, matching, flows)
		})
	}
}

func TestDumpTimestamps(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	before := time.Now().UnixNano()
	sendUDP(t, n, unix.AF_INET, 4000, 1)
	after := time.Now().UnixNano()
	flows := dumpAll(t, newDumper(t, ns, Filter{}))
	require.Len(t, flows, 1)
	require.GreaterOrEqual(t, flows[0].Start, before)
	require.LessOrEqual(t, flows[0].Start, after)
	require.Zero(t, flows[0].Stop)
}

// A second dump of the same size allocates next to nothing, however many flows
// there are.
func TestDumpConstantMemory(t *testing.T) {
	n, ns := tracked(t)
	sendUDP(t, n, unix.AF_INET, 4000, 5000)
	d := newDumper(t, ns, Filter{})
	var flows uint64
	var err error
	allocations := testing.AllocsPerRun(3, func() {
		var stats DumpStats
		stats, err = d.Dump(func([]accounting.Flow) {})
		flows = stats.Flows
	})
	require.NoError(t, err)
	require.EqualValues(t, 5000, flows)
	require.Less(t, allocations, 20.0) // for the request
}

// A dump whose caller takes its time, and one after it, are whole.
func TestDumpSlowCaller(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	sendUDP(t, n, unix.AF_INET, 4000, 2000)
	d := newDumper(t, ns, Filter{})
	seen := make(map[accounting.Tuple]bool)
	_, err := d.Dump(func(batch []accounting.Flow) {
		sendUDP(t, n, unix.AF_INET6, 5000, 50) // the table is busy meanwhile
		for i := range batch {
			if batch[i].Orig.Src.Is4() {
				require.False(t, seen[batch[i].Orig])
				seen[batch[i].Orig] = true
			}
		}
	})
	require.NoError(t, err)
	require.Len(t, seen, 2000)
	require.Len(t, dumpAll(t, d), 2050)
}

func TestDumpAfterClose(t *testing.T) {
	t.Parallel()
	_, ns := tracked(t)
	d, err := NewDumper(ns, Filter{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = d.Dump(func([]accounting.Flow) {})
	require.Error(t, err)
}

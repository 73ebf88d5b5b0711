package conntrack_accounting

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// flooded returns a lab whose server answers at port 80, while nobody answers at
// port 81: the packets are dropped once the kernel has made an entry of them.
func flooded(t *testing.T, options ...func(*Plugin)) *lab {
	l := newLab(t)
	l.serve()
	l.ns.Nft(t, `table inet firewall { chain in { type filter hook input priority filter; tcp dport 81 drop; }; }`)
	l.start(options...)
	return l
}

// flood sends SYNs from that many sources that are nobody's.
func (l *lab) flood(sources int) {
	l.t.Helper()
	require.NoError(l.t, l.ns.SYNs(netip.MustParseAddr("10.36.0.0"), sources, netip.MustParseAddrPort("10.33.0.1:81")))
}

// A flood makes no more series than max_series, takes no detail of the traffic
// that is answered, loses no byte, and is logged once, as is its end.
func TestFlood(t *testing.T) {
	t.Parallel()
	l := flooded(t, func(p *Plugin) { p.MaxSeries = 100 })
	for range 2 {
		l.flood(5000)
		require.NoError(t, l.ns.TCP("10.32.0.1", "10.33.0.1:80", 1, 1000, 2000))
		l.requireQuiet()
		l.gather()
		require.LessOrEqual(t, len(l.rows), 102)
		require.Len(t, l.rowsOf("src", "10.32.0.1"), 1)
		require.Len(t, l.rowsOf("src", "0.0.0.0/0"), 1, "by destination")
		require.Positive(t, l.internal["folded_sources"])
		require.Zero(t, l.internal["folded_destinations"])
		l.requireExact()
		require.Eventually(t, func() bool { // a dump misses flows while somebody resizes the machine's table
			l.gather()
			return l.internal["unanswered_flows"] == int64(5000)
		}, time.Minute, tick)
		l.flush()
		l.gather()
	}
	require.EqualValues(t, 2, l.closed, "the SYNs are no connections")
	l.requireExact()
	l.gather()
	require.Len(t, l.log.with("W! max_series: 100 series are too few for this interval: new series lose their port and source"), 2)
	require.Len(t, l.log.with("I! max_series: all series of an interval fit again"), 2)
}

// unanswered = "fold" keeps what was never answered by destination; what is
// answered is as ever.
func TestUnansweredFold(t *testing.T) {
	t.Parallel()
	l := flooded(t, func(p *Plugin) { p.Unanswered = "fold" })
	l.flood(1000)
	require.NoError(t, l.ns.TCP("10.32.0.1", "10.33.0.1:80", 3, 1000, 2000))
	l.requireQuiet()
	l.gather()
	folded := l.rowsOf("src", "0.0.0.0/0")
	require.Len(t, folded, 1)
	require.Equal(t, map[string]string{"proto": "tcp", "src": "0.0.0.0/0", "dst": "10.33.0.1", "port": "-1"}, folded[0].tags)
	require.EqualValues(t, 40*1000, folded[0].fields["src_bytes"])
	require.Len(t, l.rows, 2)
	l.flush()
	l.requireExact()
	require.EqualValues(t, 3, l.closed)
	require.Zero(t, l.internal["folded_readings"], "max_series has room")
}

// unanswered = "ignore" leaves out what was never answered, and counts it; what
// is answered late is accounted from its beginning.
func TestUnansweredIgnore(t *testing.T) {
	t.Parallel()
	l := flooded(t, func(p *Plugin) { p.Unanswered = "ignore" })
	server := l.ns.ListenUDP(t, "10.33.0.1:10")
	client := l.ns.ListenUDP(t, "10.32.0.1:1000")
	require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.33.0.1"), 10, 1, 100))
	l.flood(1000)
	l.gather()
	require.Empty(t, l.rows)
	require.Zero(t, l.internal["ignored_flows"], "they may be answered yet")

	_, err := server.WriteToUDPAddrPort([]byte("late"), netip.MustParseAddrPort("10.32.0.1:1000"))
	require.NoError(t, err)
	l.flush()
	l.gather()
	require.Len(t, l.rows, 1)
	require.EqualValues(t, 128, l.rows[0].fields["src_bytes"])
	require.EqualValues(t, 32, l.rows[0].fields["dst_bytes"])
	for field, want := range map[string]int64{"ignored_flows": 1000, "ignored_packets": 1000, "ignored_bytes": 40_000} {
		require.Equal(t, want, l.internal[field], field)
	}
}

// rowsOf returns the metrics of the last gather with a tag.
func (l *lab) rowsOf(tag, value string) (rows []row) {
	for _, r := range l.rows {
		if r.tags[tag] == value {
			rows = append(rows, r)
		}
	}
	return rows
}

// After a flood, the memory that it took is back in a few gathers, and the next
// gathers are exact.
func TestFloodGivesItsMemoryBack(t *testing.T) {
	l := flooded(t, func(p *Plugin) { p.GroupBy = []string{"zone"} })
	l.gather()
	before := held()
	l.flood(muchHeld + 10_000)
	l.gather()
	require.Greater(t, held()-before, 10<<20)
	l.flush()
	require.Eventually(t, func() bool {
		l.gather()
		return held()-before < 5<<20
	}, 30*time.Second, tick)
	require.NoError(t, l.ns.TCP("10.32.0.1", "10.33.0.1:80", 1, 1000, 2000))
	l.requireQuiet()
	l.requireExact()
}

// held returns how much memory the process has from the system, in bytes.
func held() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapSys - m.HeapReleased)
}

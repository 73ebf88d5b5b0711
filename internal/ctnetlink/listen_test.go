package ctnetlink

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// smallBuffer gives a socket the 208 KiB that are a Linux system's default (the
// kernel doubles it).
const smallBuffer = 104 << 10

// ipsDying is the bit of CTA_STATUS of an entry that has left the table.
const ipsDying = 1 << 9

// A collector keeps all flows it is handed.
type collector struct {
	mu    sync.Mutex
	flows []accounting.Flow
}

func (c *collector) handle(batch []accounting.Flow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flows = append(c.flows, batch...)
}

func (c *collector) all() []accounting.Flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]accounting.Flow(nil), c.flows...)
}

func listenDestroy(t testing.TB, ns *Namespace, buffer int, handle func([]accounting.Flow)) *Listener {
	t.Helper()
	l, err := ListenDestroy(ns, buffer, handle)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func TestListenDestroy(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	var got collector
	l := listenDestroy(t, ns, 8<<20, got.handle)
	size, err := l.ReceiveBuffer()
	require.NoError(t, err)
	require.Equal(t, 8<<20, size)

	sendUDP(t, n, unix.AF_INET, 4000, 100)
	sendUDP(t, n, unix.AF_INET6, 4000, 100)
	want := dumpAll(t, newDumper(t, ns, Filter{}))
	flush(t, n)
	require.True(t, l.Fence(waitLimit))

	flows := got.all()
	for i := range flows {
		require.Greater(t, flows[i].Stop, flows[i].Start)
		// What the end of a flow adds or changes.
		flows[i].Stop, flows[i].Event, flows[i].Timeout = 0, 0, 0
		flows[i].Status &^= ipsDying
	}
	require.ElementsMatch(t, want, flows)
	require.Equal(t, ListenerStats{Events: 200}, l.Stats())
	require.NoError(t, l.Err())
}

// Of 50,000 flows that end at once not one is lost, though the receive buffer
// holds a few hundred.
func TestDestroyNoneLost(t *testing.T) {
	t.Parallel()
	const flows = 50_000
	n, ns := tracked(t)
	ended := make(map[accounting.Tuple]int)
	var events atomic.Int64
	l := listenDestroy(t, ns, smallBuffer, func(batch []accounting.Flow) {
		for i := range batch {
			ended[batch[i].Orig]++
		}
		events.Add(int64(len(batch)))
	})
	sendUDP(t, n, unix.AF_INET, 4000, flows)
	flush(t, n)
	require.Eventually(t, func() bool { return events.Load() >= flows }, waitLimit, time.Millisecond)
	require.True(t, l.Fence(waitLimit))
	dying, err := newDumper(t, ns, Filter{}).DumpDying(func([]accounting.Flow) {})
	require.NoError(t, err)
	require.Zero(t, dying.Flows)
	require.NoError(t, l.Close())

	require.Len(t, ended, flows)
	require.EqualValues(t, flows, events.Load(), "an event came twice")
	require.Positive(t, l.Stats().Overruns)
	require.Zero(t, l.Stats().DecodeErrors)
}

// While one listener cannot take an event, others get it again, unchanged but for
// the time.
func TestDestroyRepeated(t *testing.T) {
	t.Parallel()
	const flows = 5000
	n, ns := tracked(t)
	release := make(chan struct{})
	var slow atomic.Int64
	listenDestroy(t, ns, smallBuffer, func(batch []accounting.Flow) {
		<-release
		slow.Add(int64(len(batch)))
	})
	unblock := sync.OnceFunc(func() { close(release) })
	defer unblock()
	ended := make(map[accounting.Tuple]accounting.Flow)
	var repeated, changed atomic.Int64
	listenDestroy(t, ns, 32<<20, func(batch []accounting.Flow) {
		for _, f := range batch {
			f.Event, f.Timeout = 0, 0 // these go on
			first, again := ended[f.Orig]
			ended[f.Orig] = f
			if again {
				repeated.Add(1)
			}
			if again && first != f {
				changed.Add(1)
			}
		}
	})
	sendUDP(t, n, unix.AF_INET, 4000, flows)
	flush(t, n)
	require.Eventually(t, func() bool { return repeated.Load() > 0 }, waitLimit, time.Millisecond)
	unblock()
	require.Eventually(t, func() bool { return slow.Load() >= flows }, waitLimit, time.Millisecond)
	require.Zero(t, changed.Load())
}

// A long list of the dying is read in part, and what comes after that is whole.
func TestDumpDyingOfMany(t *testing.T) {
	t.Parallel()
	const flows = 3 * maxDying
	n, ns := tracked(t)
	release := make(chan struct{})
	listenDestroy(t, ns, smallBuffer, func([]accounting.Flow) { <-release })
	defer close(release)
	sendUDP(t, n, unix.AF_INET, 4000, flows)
	flush(t, n)

	d := newDumper(t, ns, Filter{})
	for range 3 {
		require.Empty(t, dumpAll(t, d))
		handed := 0
		stats, err := d.DumpDying(func(batch []accounting.Flow) { handed += len(batch) })
		require.NoError(t, err)
		require.True(t, stats.Cut)
		require.EqualValues(t, handed, stats.Flows)
		require.GreaterOrEqual(t, stats.Entries, uint64(maxDying))
		require.Less(t, stats.Entries, uint64(2*maxDying))
	}
	stats, err := newDumper(t, ns, Filter{Family: unix.AF_INET6}).DumpDying(func([]accounting.Flow) {})
	require.NoError(t, err)
	require.Zero(t, stats.Flows)
	require.True(t, stats.Cut, "there may be some of them further on")
}

// What cannot be delivered is out of the table, but in the list of the dying.
func TestDumpDying(t *testing.T) {
	t.Parallel()
	const flows = 5000
	n, ns := tracked(t)
	release := make(chan struct{})
	var events atomic.Int64
	listenDestroy(t, ns, smallBuffer, func(batch []accounting.Flow) {
		<-release
		events.Add(int64(len(batch)))
	})
	unblock := sync.OnceFunc(func() { close(release) })
	defer unblock()
	sendUDP(t, n, unix.AF_INET, 4000, flows)
	flush(t, n)

	d := newDumper(t, ns, Filter{})
	require.Empty(t, dumpAll(t, d))
	var dying []accounting.Flow
	stats, err := d.DumpDying(func(batch []accounting.Flow) { dying = append(dying, batch...) })
	require.NoError(t, err)
	require.Positive(t, stats.Flows)
	require.EqualValues(t, len(dying), stats.Flows)
	for i := range dying {
		require.Equal(t, counters(1, 36), dying[i].OrigCounters)
	}
	stats, err = newDumper(t, ns, Filter{Family: unix.AF_INET6}).DumpDying(func([]accounting.Flow) {})
	require.NoError(t, err)
	require.Zero(t, stats.Flows)

	unblock()
	require.Eventually(t, func() bool { return events.Load() == flows }, waitLimit, time.Millisecond)
	stats, err = d.DumpDying(func([]accounting.Flow) {})
	require.NoError(t, err)
	require.Zero(t, stats.Flows)
}

// The kernel passes no updates but those of closing connections.
func TestListenClose(t *testing.T) {
	t.Parallel()
	const connections = 200
	n, ns := tracked(t)
	var got collector
	l, err := ListenClose(ns, 8<<20, got.handle)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	tcpConnections(t, n, connections)
	sendUDP(t, n, unix.AF_INET, 4000, 10)
	n.Exec(t, "ping", "-c1", "10.32.0.9") // an update without a TCP state
	require.True(t, l.Fence(waitLimit))

	closed := make(map[accounting.Tuple]bool)
	for _, f := range got.all() {
		require.GreaterOrEqual(t, f.TCPState, uint8(accounting.TCPCloseWait))
		require.LessOrEqual(t, f.TCPState, uint8(accounting.TCPClose))
		require.NotEqual(t, f.TCPState, uint8(accounting.TCPTimeWait))
		closed[f.Orig] = true
	}
	require.Len(t, closed, connections)
	// Of FIN_WAIT, CLOSE_WAIT, LAST_ACK and TIME_WAIT, two pass.
	require.LessOrEqual(t, l.Stats().Events, uint64(2*connections))
	require.Zero(t, l.Stats().DecodeErrors)
}

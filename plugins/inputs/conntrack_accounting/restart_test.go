package conntrack_accounting

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
	"telegraf-conntrack-accounting/internal/notation"
	"telegraf-conntrack-accounting/internal/testkit"
)

// end is what a flow had sent when the kernel destroyed it.
type end struct {
	proto       uint8
	orig, reply accounting.Counters
	at          time.Time
}

// witness listens while the plugin does not, and distinguishes flows by their
// source: each source of the test opens one flow.
type witness struct {
	mu   sync.Mutex
	ends map[string]end
}

// watchEnds returns a witness and a function that returns what it has seen.
func (l *lab) watchEnds() func() map[string]end {
	ns, err := ctnetlink.OpenNamespace(l.ns.Path())
	require.NoError(l.t, err)
	w := &witness{ends: map[string]end{}}
	listener, err := ctnetlink.ListenDestroy(ns, 64<<20, func(batch []accounting.Flow) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range batch {
			w.ends[f.Orig.Src.IP().String()] = end{f.Proto, f.OrigCounters, f.ReplyCounters, time.Unix(0, f.Stop)}
		}
	})
	require.NoError(l.t, err)
	l.t.Cleanup(func() {
		require.NoError(l.t, listener.Close())
		require.NoError(l.t, ns.Close())
	})
	return func() map[string]end {
		require.True(l.t, listener.Fence(30*time.Second))
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ends
	}
}

// load talks from many sources until its context ends.
type load struct {
	l     *lab
	ctx   context.Context
	short atomic.Int64 // flows that came and went
	long  []string     // sources of flows that live on
	wait  sync.WaitGroup
}

func (l *lab) startLoad(ctx context.Context) *load {
	l.serve()
	o := &load{l: l, ctx: ctx}
	for from, to := range map[string]string{"10.32.0.%d": "10.33.0.1", "2001:db8:32::%d": "2001:db8:33::1"} {
		server := netip.MustParseAddr(to)
		tcp, udp := fmt.Sprintf(from, 1), fmt.Sprintf(from, 2)
		conn := l.ns.DialTCP(l.t, tcp, netip.AddrPortFrom(server, 80).String())
		socket := l.ns.ListenUDP(l.t, netip.AddrPortFrom(netip.MustParseAddr(udp), 7000).String())
		o.long = append(o.long, tcp, udp)
		o.keep(func(size int) error { return testkit.Transfer(conn, size, 3*size) })
		o.keep(func(size int) error { return echo(socket, netip.AddrPortFrom(server, 53), size%1000) })
	}
	for n := range 2 {
		o.wait.Go(func() { o.comeAndGo(n) })
	}
	return o
}

// keep has a flow that lives on talk until the load ends.
func (o *load) keep(talk func(size int) error) {
	o.wait.Go(func() {
		for size := 1; o.ctx.Err() == nil; size = size%5000 + 1 {
			if err := talk(size); err != nil {
				o.l.t.Errorf("long flow: %v", err)
				return
			}
			time.Sleep(time.Millisecond) // others need the CPU, too
		}
	})
}

// echo sends a datagram and waits until it is back.
func echo(socket *net.UDPConn, to netip.AddrPort, size int) error {
	if _, err := socket.WriteToUDPAddrPort(make([]byte, size), to); err != nil {
		return err
	}
	socket.SetDeadline(time.Now().Add(20 * time.Second))
	_, _, err := socket.ReadFromUDPAddrPort(make([]byte, 2000))
	return err
}

// comeAndGo opens and ends flows, a batch at a time from a subnet of its own,
// and has the kernel destroy them once they are over.
func (o *load) comeAndGo(number int) {
	for batch := 0; o.ctx.Err() == nil && batch < 250; batch++ {
		subnet := fmt.Sprintf("10.%d.%d", 34+number, batch)
		for host := 1; host <= 20; host++ {
			from := fmt.Sprintf("%s.%d", subnet, host)
			var err error
			if host%2 == 0 {
				err = o.l.ns.TCP(from, "10.33.0.1:80", 1, 100*host, 1000)
			} else {
				err = o.l.ns.UDP(from, "10.33.0.1:53", host, 100)
			}
			if err != nil {
				o.l.t.Errorf("short flow: %v", err)
				return
			}
			o.short.Add(1)
		}
		// The tool gives up at a flow that is gone already; what it then leaves lives on.
		if out, err := o.l.ns.Command(testkit.Tool("conntrack"), "-D", "-s", subnet+".0/24").CombinedOutput(); err != nil && !bytes.Contains(out, []byte("such conntrack doesn't exist")) {
			o.l.t.Errorf("ending flows: %v: %s", err, out)
		}
	}
}

// span is a time in which nobody of ours listened.
type span struct{ from, to time.Time }

// restarts is a lab whose plugin is stopped and started again and again.
type restarts struct {
	*lab
	file  string
	got   map[string][2]accounting.Counters // accounted so far by source
	down  []span
	died  uint64 // flows that the plugin says ended unseen
	flows int    // that states brought, all together
}

func (r *restarts) again() {
	r.t.Helper()
	from := time.Now()
	r.plugin.Stop()
	r.died += r.stats().DiedUnseen
	r.start(func(p *Plugin) { p.StateFile = r.file })
	r.down = append(r.down, span{from, time.Now()})
	r.flows += r.stats().Resumed
}

// gather gathers and adds up by source.
func (r *restarts) gather() {
	r.t.Helper()
	r.lab.gather()
	for _, row := range r.rows {
		sum := r.got[row.tags["src"]]
		for i, side := range []string{"src", "dst"} {
			sum[i].Packets += uint64(row.fields[side+"_packets"].(int64))
			sum[i].Bytes += uint64(row.fields[side+"_bytes"].(int64))
		}
		r.got[row.tags["src"]] = sum
	}
}

func (r *restarts) wasDown(at time.Time) bool {
	return slices.ContainsFunc(r.down, func(d span) bool { return !at.Before(d.from) && !at.After(d.to) })
}

// The plugin is restarted a hundred times while flows come, go and live on. All
// is exact, flow by flow, to the packet and to the byte, but for what flows sent
// that ended while it was down; and those of them that it knew are counted.
func TestHundredRestartsUnderLoad(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	r := &restarts{lab: newLab(t), file: filepath.Join(t.TempDir(), "state"), got: map[string][2]accounting.Counters{}}
	r.start(func(p *Plugin) { p.StateFile = r.file })
	ends := r.watchEnds()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := r.startLoad(ctx)
	for round := range 100 {
		for range round % 3 {
			r.gather()
		}
		for target := o.short.Load() + 5; o.short.Load() < target && !t.Failed(); {
			time.Sleep(time.Millisecond) // the load goes on
		}
		r.again()
	}
	cancel()
	o.wait.Wait()
	r.requireQuiet()
	r.flush()
	require.Eventually(t, func() bool {
		r.gather()
		return r.stats().Flows == 0 && r.stats().Tombstones == 0
	}, 30*time.Second, tick)
	r.died += r.stats().DiedUnseen
	r.compare(o, ends())
}

// compare compares what was accounted, flow by flow, with what the witness saw,
// and that with the ledger of nftables.
func (r *restarts) compare(o *load, ends map[string]end) {
	t := r.t
	seen := map[string]testkit.Counter{}
	var unseen, partly, maybe, connections, handshakes int
	for source, end := range ends {
		name := notation.ProtoName(end.proto)
		for side, c := range map[string]accounting.Counters{name + "-src": end.orig, name + "-dst": end.reply} {
			seen[side] = testkit.Counter{Packets: seen[side].Packets + c.Packets, Bytes: seen[side].Bytes + c.Bytes}
		}
		got, known := r.got[source]
		// Of a flow that ended unseen before its last reading showed the end of the
		// handshake, nobody can tell whether it became a connection.
		switch {
		case !known || end.proto != 6:
		case r.wasDown(end.at) && got[0].Packets < 3:
			handshakes++
		default:
			connections++
		}
		if r.wasDown(end.at) {
			require.LessOrEqual(t, got[0].Bytes, end.orig.Bytes, source)
			require.LessOrEqual(t, got[1].Bytes, end.reply.Bytes, source)
			switch {
			case !known:
				unseen++
				continue
			case got != [2]accounting.Counters{end.orig, end.reply}:
				partly++
			}
			maybe++
			continue
		}
		require.Equal(t, [2]accounting.Counters{end.orig, end.reply}, got, "%s ended at %v", source, end.at)
	}
	require.Equal(t, r.counted(), seen, "the witness, and the ledger")
	for _, source := range o.long {
		require.False(t, r.wasDown(ends[source].at))
	}
	t.Logf("%d flows ended, %d of them while the plugin was down: %d that it had never seen and %d to %d that it knew, of which it counted %d; states brought %d flows",
		len(ends), unseen+maybe, unseen, partly, maybe, r.died, r.flows)
	require.GreaterOrEqual(t, int(r.closed), connections)
	require.LessOrEqual(t, int(r.closed), connections+handshakes)
	require.LessOrEqual(t, uint64(partly), r.died)
	require.LessOrEqual(t, r.died, uint64(maybe))
	require.NotZero(t, r.died, "no known flow ended while the plugin was down: this proves less")
	require.NotZero(t, unseen, "no flow began and ended while the plugin was down: this proves less")
}

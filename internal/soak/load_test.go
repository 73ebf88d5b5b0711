//go:build soak

package soak

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// serve has each side answer whatever the other side's workers send.
func (s *side) serve(t testing.TB) {
	s.ns.ServeTCP(t, "[::]:80") // of both families
	s.ns.ServeTCP(t, "[::]:81")
	s.ns.ListenUDP(t, "[::]:9")
	for family := range s.servers {
		for _, at := range s.servers[family] {
			s.ns.EchoUDP(t, netip.AddrPortFrom(at, 53).String())
			s.ns.EchoUDP(t, netip.AddrPortFrom(at, 54).String())
			s.answer(t, gre, at, echo)
			s.answer(t, experimental, at, echo)
			s.answer(t, sctp, at, sctpAnswer)
		}
	}
}

// Protocols of raw sockets, by number.
const (
	icmp         = "1"
	tcp          = "6"
	gre          = "47"
	icmpv6       = "58"
	sctp         = "132"
	experimental = "253" // RFC 3692: no protocol that conntrack knows
)

func echo(packet []byte) []byte { return packet }

// worker makes traffic from one side to the other. What it does follows from
// its seed alone.
type worker struct {
	rng      *rand.Rand
	from, to *side
	servers  [2][]netip.Addr
	first    []operation // before any by chance: each once
	long     []net.Conn  // kept over many operations
	done     map[string]int
	failed   map[string]error // the last failure of each kind
}

// operation is a kind of traffic.
type operation struct {
	name   string
	weight int
	run    func(*worker, context.Context) error
}

// everything is the mix of traffic.
var everything = []operation{
	{"tcp short", 30, (*worker).tcpShort},
	{"tcp long", 10, (*worker).tcpLong},
	{"tcp reset", 5, (*worker).tcpReset},
	{"tcp refused", 3, (*worker).tcpRefused},
	{"tcp half-open", 3, (*worker).tcpHalfOpen},
	{"tcp unanswered", 1, (*worker).tcpUnanswered},
	{"udp", 20, (*worker).udpReplied},
	{"udp fragments", 5, (*worker).udpFragments},
	{"udp unreplied", 10, (*worker).udpUnreplied},
	{"udp zones", 5, (*worker).udpZones},
	{"icmp", 5, (*worker).ping},
	{"gre", 5, func(w *worker, _ context.Context) error { return w.echoRaw(gre, 4) }},
	{"other protocol", 3, func(w *worker, _ context.Context) error { return w.echoRaw(experimental, 0) }},
	{"sctp", 5, (*worker).sctp},
}

// work runs operations of the mix from inside the side until the context ends.
func (w *worker) work(ctx context.Context, mix []operation) error {
	return w.from.ns.Do(func() error {
		for ctx.Err() == nil {
			op := w.choose(mix)
			w.done[op.name]++
			if err := op.run(w, ctx); err != nil && ctx.Err() == nil {
				w.failed[op.name] = err
			}
		}
		return nil
	})
}

// choose returns the next operation: each once, so that a short soak has them all,
// and then one of the mix by its weight.
func (w *worker) choose(mix []operation) operation {
	if len(w.first) > 0 {
		op := w.first[0]
		w.first = w.first[1:]
		return op
	}
	total := 0
	for _, op := range mix {
		total += op.weight
	}
	at := w.rng.IntN(total)
	for _, op := range mix {
		if at -= op.weight; at < 0 {
			return op
		}
	}
	panic("the weights are more than their sum")
}

// load is a set of workers, half of them on each side.
type load struct {
	t       testing.TB
	workers []*worker
}

func newLoad(t testing.TB, g *gateway, seed uint64, workers int) *load {
	l := &load{t: t}
	for i := range workers {
		from, to := g.sides[i%2], g.sides[1-i%2]
		w := &worker{
			rng: rand.New(rand.NewPCG(seed, uint64(i))), from: from, to: to, servers: to.servers, first: everything,
			done: map[string]int{}, failed: map[string]error{},
		}
		if i%2 == 0 { // only the left side's traffic passes the translation
			w.servers[0] = append(w.servers[0][:len(w.servers[0]):len(w.servers[0])], netip.MustParseAddr("10.40.0.1"))
		}
		l.workers = append(l.workers, w)
	}
	t.Cleanup(l.hangUp)
	return l
}

// run lets all workers work for as long.
func (l *load) run(ctx context.Context, mix []operation) {
	var working sync.WaitGroup
	for _, w := range l.workers {
		working.Go(func() {
			if err := w.work(ctx, mix); err != nil {
				l.t.Errorf("load: %v", err)
			}
		})
	}
	working.Wait()
}

func (l *load) hangUp() {
	for _, w := range l.workers {
		for _, conn := range w.long {
			conn.Close()
		}
		w.long = nil
	}
}

// operations returns how often each operation was run.
func (l *load) operations() map[string]int {
	sum := map[string]int{}
	for _, w := range l.workers {
		for name, n := range w.done {
			sum[name] += n
		}
	}
	return sum
}

// failures returns one failure of each operation that failed since the last
// call.
func (l *load) failures() map[string]error {
	sum := map[string]error{}
	for _, w := range l.workers {
		maps.Copy(sum, w.failed)
		clear(w.failed)
	}
	return sum
}

// spray opens as many UDP flows that nobody answers, of one packet each, from
// one socket to a side's void.
func (w *worker) spray(ctx context.Context, family, flows int) error {
	return w.from.ns.Do(func() error {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.from.clients[family][0], 0)))
		if err != nil {
			return err
		}
		defer conn.Close()
		to := w.to.void[family]
		for i := range flows {
			port := uint16(1024 + i%64_000)
			if port == 1024 {
				to = to.Next()
			}
			if ctx.Err() != nil {
				return nil
			}
			if _, err := conn.WriteToUDPAddrPort([]byte("spray"), netip.AddrPortFrom(to, port)); err != nil {
				return fmt.Errorf("spraying: %w", err)
			}
		}
		return nil
	})
}

// end closes what an operation left open if it does not end soon after the
// context.
func end(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		conn.SetDeadline(time.Now().Add(time.Second))
	})
}

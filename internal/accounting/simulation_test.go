package accounting

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kernel is a model of the connection tracking table and of its two sockets:
// dumps that read the table piece by piece, and a DESTROY queue that is
// delivered late while dumps run, and again when a listener was behind.
type kernel struct {
	rng        *rand.Rand
	now        int64
	timestamps bool
	unseen     bool // some connections are picked up, by either end's packets
	alike      bool // flows follow each other under one identity, and no event comes twice
	live       []*Flow
	queue      []Flow // DESTROY events not delivered yet
	dying      []Flow // flows whose DESTROY some listener could not take yet
	stale      []Flow // dump records read but not delivered yet
	nextID     uint32
	deaf       bool   // nobody of ours listens
	unheard    []Flow // flows that ended meanwhile without a trace

	bytes, packets, connections uint64 // the ledger
}

func (k *kernel) open() {
	k.nextID++
	k.now++ // two flows of one identity never start at the same time
	f := &Flow{
		ID: k.nextID % 7, HasCounters: true, Proto: protoTCP, TCPState: 3,
		Orig: Tuple{Src: v4(10, 0, 0, byte(k.rng.IntN(4))), Dst: v4(10, 0, 1, byte(k.rng.IntN(4))), SrcPort: uint16(k.nextID), DstPort: 443},
	}
	switch { // identities may then come back
	case k.timestamps:
		f.Orig.SrcPort, f.Start = uint16(k.rng.IntN(3)), k.now
	case k.alike:
		f.ID, f.Orig.SrcPort = k.nextID%2, uint16(k.rng.IntN(3))
	}
	if k.rng.IntN(3) == 0 {
		f.Proto, f.TCPState = 17, 0
	}
	if k.unseen && f.Proto == protoTCP && k.rng.IntN(2) == 0 {
		f.Began = BeganUnseen
	}
	f.Reply = Tuple{Src: f.Orig.Dst, Dst: f.Orig.Src, SrcPort: f.Orig.DstPort, DstPort: f.Orig.SrcPort}
	if k.holds(f) {
		return
	}
	k.live = append(k.live, f)
	k.send(f)
}

// holds reports whether a live flow has the tuple of f.
func (k *kernel) holds(f *Flow) bool {
	return slices.ContainsFunc(k.live, func(l *Flow) bool { return l.Orig == f.Orig && l.Proto == f.Proto })
}

func (k *kernel) send(f *Flow) {
	if f.Proto == protoTCP && f.Status&statusAssured == 0 && k.rng.IntN(3) > 0 {
		f.Status |= statusAssured
		k.connections++
	}
	n := uint64(k.rng.IntN(2000)) + 1
	if k.alike {
		n = n%2 + 1
	}
	f.Mark = uint32(n % 3)
	f.OrigCounters.add(Counters{1, n})
	f.ReplyCounters.add(Counters{2, 3 * n})
	k.packets += 3
	k.bytes += 4 * n
}

func (k *kernel) destroy(i int) {
	f := k.live[i]
	k.live = append(k.live[:i], k.live[i+1:]...)
	if k.timestamps {
		f.Stop = k.now
	}
	f.Status |= statusDying
	f.Began = BeganUnknown
	ours, others := k.rng.IntN(10) > 0, k.rng.IntN(10) > 0
	if k.alike {
		ours, others = true, true
	}
	switch {
	case k.deaf && others:
		k.unheard = append(k.unheard, *f)
	case ours && !k.deaf:
		k.queue = append(k.queue, *f)
	}
	if !ours && !k.deaf || !others {
		k.dying = append(k.dying, *f)
	}
}

// resend sends the event of a dying flow again, to all listeners. A packet may have
// found its entry between the first event and its removal from the table.
func (k *kernel) resend(i int) {
	if f := &k.dying[i]; k.timestamps && k.rng.IntN(3) == 0 {
		f.OrigCounters.add(Counters{1, 100})
		k.packets, k.bytes = k.packets+1, k.bytes+100
	}
	all := k.rng.IntN(3) > 0 // of the listeners have it now
	if !k.deaf {
		k.queue = append(k.queue, k.dying[i])
	} else if all {
		k.unheard = append(k.unheard, k.dying[i])
	}
	if all {
		k.dying = append(k.dying[:i], k.dying[i+1:]...)
	}
}

func (k *kernel) step(t *Tracker, dumping bool) {
	k.now += int64(time.Millisecond)
	switch op := k.rng.IntN(10); {
	case op < 3:
		k.open()
	case op < 6 && len(k.live) > 0:
		k.send(k.live[k.rng.IntN(len(k.live))])
	case op < 7 && len(k.live) > 0:
		if f := k.live[k.rng.IntN(len(k.live))]; f.Proto == protoTCP {
			f.TCPState = TCPCloseWait
			t.OnClose(f, time.Unix(0, k.now))
		}
	case op < 9 && len(k.live) > 0:
		k.destroy(k.rng.IntN(len(k.live)))
	case len(k.dying) > 0 && k.rng.IntN(2) == 0:
		k.resend(k.rng.IntN(len(k.dying)))
	case len(k.queue) > 0:
		k.deliver(t, k.rng.IntN(len(k.queue))+1)
	}
	if dumping && len(k.stale) > 0 {
		n := k.rng.IntN(len(k.stale)) + 1
		for i := range k.stale[:n] {
			t.Observe(&k.stale[i])
		}
		k.stale = k.stale[n:]
	}
}

func (k *kernel) deliver(t *Tracker, n int) {
	for i := range k.queue[:n] {
		t.OnDestroy(&k.queue[i], time.Unix(0, k.now))
	}
	k.queue = k.queue[n:]
}

func (k *kernel) dump(t *Tracker, sum *totals) {
	t.BeginDump(time.Unix(0, k.now))
	for range 3 {
		for _, f := range k.live { // a flow may show up twice, as in a table that is resized
			if k.rng.IntN(2) == 0 {
				k.stale = append(k.stale, *f)
			}
		}
		k.step(t, true)
	}
	for _, f := range k.live {
		k.stale = append(k.stale, *f)
	}
	drained := len(k.dying) == 0
	if !drained { // the kernel shows a part: the list changes under the dump
		k.stale = append(k.stale, k.dying[:k.rng.IntN(len(k.dying))+1]...)
	}
	for len(k.stale) > 0 {
		k.step(t, true)
	}
	complete := k.rng.IntN(4) > 0
	if complete || k.rng.IntN(2) == 0 {
		k.deliver(t, len(k.queue)) // the fence
	}
	t.EndDump(complete, drained)
	each(t, sum.add)
}

type totals struct{ bytes, packets, connections uint64 }

func (s *totals) add(r *Series) {
	s.bytes += r.Orig.Bytes + r.Reply.Bytes
	s.packets += r.Orig.Packets + r.Reply.Packets
	s.connections += r.Connections
}

func v4(a, b, c, d byte) Addr {
	return Addr{10: 0xff, 11: 0xff, 12: a, 13: b, 14: c, 15: d}
}

func allAddresses(t testing.TB) Grouping {
	t.Helper()
	return Grouping{Masks: Masks{IPv4: PrefixMask(128), IPv6: PrefixMask(128)}}
}

func testConfig(t testing.TB) Config {
	m := allAddresses(t)
	return Config{Source: m, Destination: m, MaxSeries: 1000, MissingTTL: 15 * time.Minute, TrackOpen: true}
}

// play plays a course with each of the first n seeds; with -short, with a fifth of
// them. FuzzExact plays as many more as there is time for.
func play(t *testing.T, n uint64, course func(t *testing.T, seed uint64)) {
	if testing.Short() {
		n /= 5
	}
	for seed := range n {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { course(t, seed) })
	}
}

// FuzzExact plays random courses of each kind.
func FuzzExact(f *testing.F) {
	courses := []func(*testing.T, uint64){anyInterleaving, alike, turned, restarts, changingNetworks, unanswered}
	for kind := range courses {
		f.Add(uint64(0), uint8(kind))
	}
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8) { courses[int(kind)%len(courses)](t, seed) })
}

// Whatever the order in which dumps and events arrive, the sums are exact
// and nothing is remembered at the end.
func TestExactUnderAnyInterleaving(t *testing.T) { play(t, 100, anyInterleaving) }

func anyInterleaving(t *testing.T, seed uint64) {
	simulate(t, seed, testConfig(t), func(*Tracker, *rand.Rand) {})
}

// Without start times, flows that follow each other under one identity, often with
// the same counters, are distinguished by the order of their ends.
func TestExactWhenFlowsAreAlike(t *testing.T) { play(t, 100, alike) }

func alike(t *testing.T, seed uint64) {
	cfg := testConfig(t)
	cfg.MayRepeat = func() bool { return false }
	k := newKernel(seed)
	k.timestamps, k.alike = false, true
	k.simulate(t, cfg, func(*Tracker, *rand.Rand) {})
}

// The same where ports that change all the time say which way round connections are.
func TestExactWhenConnectionsAreTurned(t *testing.T) { play(t, 100, turned) }

func turned(t *testing.T, seed uint64) {
	cfg := testConfig(t)
	cfg.PickedUpByPort = true
	cfg.MayRepeat = func() bool { return false }
	k := newKernel(seed)
	k.alike, k.unseen = !k.timestamps, true
	k.simulate(t, cfg, func(tr *Tracker, rng *rand.Rand) {
		ports := &Ports{}
		port := []uint16{0, 1, 2, 443}[rng.IntN(4)]
		ports.Add(protoTCP, port, port)
		tr.SetPorts(ports)
	})
}

// newKernel returns a kernel whose course follows from the seed. It has timestamps with
// every other one.
func newKernel(seed uint64) *kernel {
	return &kernel{rng: rand.New(rand.NewPCG(seed, 1)), now: int64(time.Hour), timestamps: seed%2 == 0}
}

// simulate calls between before each dump.
func simulate(t *testing.T, seed uint64, cfg Config, between func(*Tracker, *rand.Rand)) {
	newKernel(seed).simulate(t, cfg, between)
}

func (k *kernel) simulate(t *testing.T, cfg Config, between func(*Tracker, *rand.Rand)) {
	tr, sum := NewTracker(cfg), &totals{}
	for range 20 { // older flows: in the table before the baseline
		k.open()
	}
	tr.BeginBaseline(time.Unix(0, k.now+1))
	tr.BeginDump(time.Unix(0, k.now))
	for _, f := range k.live {
		tr.Observe(f)
	}
	tr.EndDump(true, true)
	k.bytes, k.packets = 0, 0

	for range 30 {
		for range k.rng.IntN(100) {
			k.step(tr, false)
		}
		between(tr, k.rng)
		k.dump(tr, sum)
	}
	for len(k.live) > 0 {
		k.destroy(0)
	}
	for len(k.dying) > 0 {
		k.resend(0)
	}
	k.deliver(tr, len(k.queue))
	for range 2 {
		tr.BeginDump(time.Unix(0, k.now))
		tr.EndDump(true, true)
	}
	each(tr, sum.add)
	s := tr.Stats()
	sum.bytes, sum.packets = sum.bytes+s.IgnoredBytes, sum.packets+s.IgnoredPackets
	require.Equal(t, totals{k.bytes, k.packets, k.connections}, *sum)
	require.Zero(t, s.Flows)
	require.Zero(t, s.Tombstones)
	require.Empty(t, tr.closes)
	require.Empty(t, tr.dnatTargets)
}

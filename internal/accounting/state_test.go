package accounting

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/slabmap"
)

// contents returns what a Map holds as a map.
func contents[V any](m *slabmap.Map[key, V]) map[key]V {
	held := make(map[key]V)
	for k, v := range m.All() {
		held[*k] = *v
	}
	return held
}

func save(t testing.TB, tr *Tracker) []byte {
	t.Helper()
	state, err := tr.AppendState(nil)
	require.NoError(t, err)
	return state
}

func resume(t testing.TB, cfg Config, state []byte, saved time.Time) *Tracker {
	t.Helper()
	tr := NewTracker(cfg)
	require.NoError(t, tr.Resume(state, saved))
	return tr
}

// resumed returns a Tracker that has gone on from the state of tr with a
// baseline that showed the given flows.
func resumed(t testing.TB, tr *Tracker, seconds float64, flows ...Flow) *Tracker {
	t.Helper()
	tr = resume(t, tr.cfg, save(t, tr), at(seconds-1))
	tr.BeginBaseline(at(seconds))
	dump(tr, seconds, flows...)
	return tr
}

// Across restarts at any moment, the sums are exact but for what ended while
// nobody listened; and how many of these flows were known is counted.
func TestExactAcrossRestarts(t *testing.T) { play(t, 60, restarts) }

func restarts(t *testing.T, seed uint64) {
	k := newKernel(seed)
	tr, sum, lost := started(testConfig(t)), &totals{}, totals{}
	for range 10 {
		for range k.rng.IntN(4) {
			for range k.rng.IntN(50) {
				k.step(tr, false)
			}
			k.dump(tr, sum)
		}
		for range k.rng.IntN(50) {
			k.step(tr, false)
		}
		tr = k.restart(t, tr, sum, &lost)
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
	require.Equal(t, totals{k.bytes, k.packets, k.connections}, totals{sum.bytes + lost.bytes, sum.packets + lost.packets, sum.connections + lost.connections})
	require.Zero(t, tr.Stats().Flows)
	require.Zero(t, tr.Stats().Tombstones)
}

// restart stops the Tracker, with some events unread, lets time pass and has
// another one go on. It adds up what nobody can know of, and checks that the
// new Tracker counts those that the old one knew.
func (k *kernel) restart(t *testing.T, old *Tracker, sum, lost *totals) *Tracker {
	k.deliver(old, k.rng.IntN(len(k.queue)+1))
	k.unheard, k.deaf = k.notDying(k.queue), true
	k.queue = nil
	state := save(t, old)
	nobody := NewTracker(old.cfg)
	for range k.rng.IntN(60) {
		k.step(nobody, false)
	}
	var known uint64
	for i := range k.unheard {
		if lost.forget(old, &k.unheard[i]) {
			known++
		}
	}
	k.unheard, k.deaf = nil, false

	tr := resume(t, old.cfg, state, time.Unix(0, k.now))
	tr.BeginBaseline(time.Unix(0, k.now))
	k.dump(tr, sum)
	for range k.rng.IntN(5) { // they may be counted by now, but none too many
		k.dump(tr, sum)
		require.LessOrEqual(t, tr.Stats().DiedUnseen, known)
	}
	for len(k.dying) > 0 {
		k.resend(0)
	}
	k.deliver(tr, len(k.queue))
	for range 2 { // complete and drained
		tr.BeginDump(time.Unix(0, k.now))
		for _, f := range k.live {
			tr.Observe(f)
		}
		tr.EndDump(true, true)
	}
	require.Equal(t, known, tr.Stats().DiedUnseen)
	return tr
}

// notDying returns the events whose flows the kernel does not keep for another
// listener.
func (k *kernel) notDying(events []Flow) (gone []Flow) {
	dying := make(map[key]bool)
	for i := range k.dying {
		dying[keyOf(&k.dying[i])] = true
	}
	for _, event := range slices.Backward(events) {
		if e := keyOf(&event); !dying[e] {
			dying[e] = true // it may be queued twice, and the last one says most
			gone = append(gone, event)
		}
	}
	return gone
}

// forget adds what the flow sent after the last reading, and reports whether
// there was one.
func (s *totals) forget(tr *Tracker, f *Flow) (known bool) {
	k := keyOf(f)
	e, known := contents(&tr.flows)[k]
	tomb := tr.dead.get(&k)
	if tomb != nil {
		e.orig, e.reply = tomb.orig, tomb.reply
	}
	orig, reply := beyond(f.OrigCounters, e.orig), beyond(f.ReplyCounters, e.reply)
	s.bytes += orig.Bytes + reply.Bytes
	s.packets += orig.Packets + reply.Packets
	if tomb != nil {
		return false
	}
	if f.Status&statusAssured != 0 && !e.has(answered) { // as far as the state knew, it was no connection
		s.connections++
	}
	return known
}

// What a flow sent while nobody looked is accounted, whether it lives on, ends
// while the baseline runs, or began meanwhile.
func TestResumedFlowsAreAccounted(t *testing.T) {
	older, begun := flowOf(1, protoTCP, 1000), flowOf(2, 17, 50)
	tr := started(testConfig(t), older)
	older.OrigCounters.Bytes += 7
	dump(tr, 1, older)
	require.EqualValues(t, 7, one(t, tr).Orig.Bytes)

	older.OrigCounters.Bytes += 11
	tr = resumed(t, tr, 10, older, begun)
	var bytes uint64
	for _, s := range take(tr) {
		bytes += s.Orig.Bytes
	}
	require.EqualValues(t, 11+50, bytes)
	require.Equal(t, 1, tr.Stats().Resumed)

	older.OrigCounters.Bytes += 13
	tr = resume(t, tr.cfg, save(t, tr), at(20))
	tr.BeginBaseline(at(21))
	tr.OnDestroy(&older, at(21))
	dump(tr, 21, begun)
	s := one(t, tr)
	require.EqualValues(t, 13, s.Orig.Bytes)
	require.EqualValues(t, 1, s.Connections)
	require.Zero(t, tr.Stats().DiedUnseen)
}

func TestDiedUnseen(t *testing.T) {
	gone, alive := flowOf(1, protoTCP, 1000), flowOf(2, protoTCP, 50)
	cfg := testConfig(t)
	cfg.TrackOpen = false
	tr := started(cfg)
	dump(tr, 5, gone, alive)
	take(tr)
	tr = resumed(t, tr, 10, alive)
	require.Empty(t, take(tr))
	require.Zero(t, tr.Stats().DiedUnseen, "one dump without it may be chance")

	tr.BeginDump(at(20))
	tr.Observe(&alive)
	tr.EndDump(true, false)
	s := one(t, tr)
	require.EqualValues(t, 1, s.Connections)
	require.EqualValues(t, 4000, s.ConnectionTimes, "until the state was saved")
	require.Zero(t, tr.Stats().DiedUnseen, "its event may still come: the dying list was not empty")

	dump(tr, 30, alive)
	require.Empty(t, take(tr))
	require.EqualValues(t, 1, tr.Stats().DiedUnseen)
	require.Equal(t, 1, tr.Stats().Flows)
	require.Zero(t, tr.Stats().Swept)
}

// Close events, closed connections, series that were not taken, tombstones and
// responders behind NAT all outlive a restart.
func TestStateHoldsAll(t *testing.T) {
	cfg := testConfig(t)
	cfg.Translated = true
	cfg.GroupBy = GroupBy{Zone: true, MarkMask: 0xff, SourcePorts: 2}
	tr := started(cfg)
	nat := flowOf(1, protoTCP, 1000)
	nat.Mark = 0x105
	nat.Reply.Src = v4(192, 168, 0, 1)
	closed, event := flowOf(2, protoTCP, 10), flowOf(3, protoTCP, 20)
	closed.TCPState, closed.Zone, closed.Start = TCPTimeWait, 7, at(1).UnixNano()
	six := flowOf(4, 132, 30)
	six.Orig.Src, six.Orig.Dst = Addr{0x20, 1}, Addr{0x20, 2}
	dump(tr, 5, nat, closed, event, six)
	take(tr)
	event.TCPState = TCPCloseWait
	tr.OnClose(&event, at(6))
	dead := flowOf(5, 17, 40)
	tr.OnDestroy(&dead, at(7))

	next := resume(t, cfg, save(t, tr), at(8))
	for k, e := range tr.flows.All() {
		restored := next.flows.Get(k)
		require.True(t, restored.resumed())
		require.Equal(t, e.mark, restored.mark)
		require.Equal(t, e.orig, restored.orig)
		require.Equal(t, e.reply, restored.reply)
		require.Equal(t, e.counted, restored.counted)
		if k.Start == 0 {
			require.Equal(t, e.first, restored.first)
		}
	}
	require.Equal(t, 4, next.flows.Len())
	require.Equal(t, tr.dnatTargets, next.dnatTargets)
	require.Equal(t, tr.closes, next.closes)
	require.Equal(t, contents(&tr.dead.young), contents(&next.dead.young))
	require.Equal(t, tr.series.rows, next.series.rows)
	require.EqualValues(t, 40, one(t, next).Orig.Bytes)
	next.OnDestroy(&dead, at(9))
	require.Empty(t, take(next), "the kernel repeated the event")
}

// The gauge of open connections is each dump's own.
func TestStateHoldsNoGauge(t *testing.T) {
	tr := started(testConfig(t))
	dump(tr, 5, flowOf(1, protoTCP, 10)) // not taken
	tr = resumed(t, tr, 10, flowOf(1, protoTCP, 10))
	require.EqualValues(t, 1, one(t, tr).Open)
}

// Without a state, but knowing when series were taken for the last time, flows
// that began later are new and all others are not accounted.
func TestResumeAfterALostState(t *testing.T) {
	for name, c := range map[string]struct {
		start time.Time
		bytes uint64
	}{
		"began before":  {at(4), 7},
		"at the moment": {at(5), 7},
		"began after":   {at(5.5), 107},
		"no start time": {time.Unix(0, 0), 7},
		"in the future": {at(4000), 7}, // the clock was set back since
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.AccountExisting = true // which must not count flows twice
			tr := NewTracker(cfg)
			tr.ResumeAfter(at(5))
			tr.BeginBaseline(at(6))
			f := flowOf(1, 17, 100)
			f.Start = c.start.UnixNano()
			dump(tr, 6, f)
			f.OrigCounters.Bytes += 7
			dump(tr, 7, f)
			require.EqualValues(t, c.bytes, one(t, tr).Orig.Bytes)
		})
	}
}

func TestStateIsSavedBetweenDumpsOnly(t *testing.T) {
	tr := started(testConfig(t))
	f := flowOf(1, protoTCP, 10)
	f.TCPState = TCPClose
	tr.BeginDump(at(1))
	tr.Observe(&f)
	_, err := tr.AppendState(nil)
	require.ErrorIs(t, err, errNotIdle)
}

// largest is a Tracker whose records are as long as they can be.
func largest(t testing.TB) *Tracker {
	cfg := testConfig(t)
	cfg.Translated, cfg.TrackOpen = true, false
	tr := started(cfg)
	f := flowOf(math.MaxUint32, protoTCP, 1)
	f.Orig.Src, f.Orig.Dst, f.Reply.Src, f.Zone, f.Start = Addr{0xff}, Addr{0xfe}, Addr{0xfd}, math.MaxUint16, math.MaxInt64
	f.OrigCounters = Counters{math.MaxUint64, math.MaxUint64}
	f.ReplyCounters = f.OrigCounters
	dump(tr, 1, f)
	f.ID--
	f.TCPState = TCPClose
	tr.OnClose(&f, at(2))
	f.ID--
	tr.OnDestroy(&f, at(2))
	for i := range tr.series.rows {
		r := &tr.series.rows[i]
		r.Connections, r.ConnectionTimes = math.MaxUint64, math.MaxUint64
		r.Key.Port, r.Key.Proto = math.MaxInt32, math.MaxUint8
	}
	return tr
}

func TestLargestRecords(t *testing.T) {
	tr := largest(t)
	next := resume(t, tr.cfg, save(t, tr), at(3))
	require.Equal(t, tr.series.rows, next.series.rows)
	require.Equal(t, contents(&tr.dead.young), contents(&next.dead.young))
	require.Equal(t, tr.closes, next.closes)
	require.Len(t, next.closes, 1)
	require.Equal(t, 1, next.flows.Len())
}

// A state that is cut off or goes on too long is refused, and leaves the
// Tracker as it was.
func TestTruncatedState(t *testing.T) {
	tr := largest(t)
	state := save(t, tr)
	for n := range state {
		requireRefused(t, tr.cfg, state[:n])
	}
	requireRefused(t, tr.cfg, append(state, 0))
}

// A flow is timed by its start or by when it was first seen, never by both, and
// by one of them.
func TestStateWithTwoTimes(t *testing.T) {
	const flags = 8 + 1 // of the first flow: after a time, and how many there are
	timed := flowOf(1, 17, 10)
	timed.Start = at(1).UnixNano()
	for _, f := range []Flow{timed, flowOf(1, 17, 10)} {
		tr := started(testConfig(t), f)
		state := save(t, tr)
		both := bytes.Clone(state)
		both[flags] |= stateFirst | stateStart
		requireRefused(t, tr.cfg, both)
		requireRefused(t, tr.cfg, slices.Insert(both, len(both)-3, make([]byte, 8)...))
		none := bytes.Clone(state)
		none[flags] &^= stateFirst | stateStart
		requireRefused(t, tr.cfg, none)
	}
}

func requireRefused(t *testing.T, cfg Config, state []byte) {
	t.Helper()
	tr := NewTracker(cfg)
	require.ErrorIs(t, tr.Resume(state, at(0)), errState)
	require.Equal(t, NewTracker(cfg), tr)
}

// Whatever the bytes, reading them ends, and what they were read as is what is
// written and read again.
func FuzzState(f *testing.F) {
	f.Add(save(f, largest(f)))
	f.Add(save(f, started(testConfig(f), flowOf(1, protoTCP, 10), flowOf(2, 17, 20))))
	f.Add(make([]byte, 12))
	f.Add(append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff, 0x0f))
	cfg := testConfig(f)
	f.Fuzz(func(t *testing.T, state []byte) {
		tr := NewTracker(cfg)
		if err := tr.Resume(state, at(0)); err != nil {
			require.Equal(t, NewTracker(cfg), tr)
			return
		}
		next := resume(t, cfg, save(t, tr), at(0))
		require.Equal(t, contents(&tr.flows), contents(&next.flows))
		require.Equal(t, contents(&tr.dead.young), contents(&next.dead.young))
		require.Equal(t, tr.closes, next.closes)
		require.Equal(t, tr.dnatTargets, next.dnatTargets)
		require.ElementsMatch(t, tr.series.rows, next.series.rows)
	})
}

// A state from before the baseline was over does not make flows new that it lacks:
// those that began before anyone listened are still not accounted after a restart.
func TestStateOfABaselineThatIsNotOver(t *testing.T) {
	for name, c := range map[string]struct {
		complete bool
		start    float64
		bytes    uint64
	}{
		"older than the listener":   {false, -1, 7},
		"younger":                   {false, 0.5, 107},
		"unseen, baseline was over": {true, -1, 107},
	} {
		t.Run(name, func(t *testing.T) {
			tr := NewTracker(testConfig(t))
			tr.BeginBaseline(at(0))
			tr.BeginDump(at(1))
			tr.EndDump(c.complete, true)
			f := flowOf(1, 17, 100)
			f.Start = at(c.start).UnixNano()
			tr = resumed(t, tr, 2, f)
			f.OrigCounters.Bytes += 7
			dump(tr, 3, f)
			require.EqualValues(t, c.bytes, one(t, tr).Orig.Bytes)
			late := flowOf(2, 17, 30)
			late.Start = at(-1).UnixNano()
			tr.OnDestroy(&late, at(4))
			require.EqualValues(t, 30, one(t, tr).Orig.Bytes, "this baseline is over")
		})
	}
}

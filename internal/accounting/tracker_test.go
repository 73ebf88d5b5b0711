package accounting

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// at is a time in seconds after an arbitrary origin.
func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// flowOf returns a flow from 10.0.0.1 to 10.0.0.2 that sent the given bytes.
func flowOf(id uint32, proto uint8, bytes uint64) Flow {
	return Flow{
		ID: id, Proto: proto, HasCounters: true, Status: statusSeenReply | statusAssured, Orig: Tuple{Src: v4(10, 0, 0, 1), Dst: v4(10, 0, 0, 2), SrcPort: uint16(id), DstPort: 80},
		OrigCounters: Counters{Packets: 1, Bytes: bytes}, ReplyCounters: Counters{Packets: 1, Bytes: 2 * bytes},
	}
}

// started returns a tracker whose baseline showed the given flows.
func started(cfg Config, older ...Flow) *Tracker {
	tr := NewTracker(cfg)
	tr.BeginBaseline(at(0))
	dump(tr, 0, older...)
	return tr
}

func dump(tr *Tracker, seconds float64, flows ...Flow) {
	tr.BeginDump(at(seconds))
	for i := range flows {
		tr.Observe(&flows[i])
	}
	tr.EndDump(true, true)
}

func take(tr *Tracker) (out []Series) {
	each(tr, func(s *Series) { out = append(out, *s) })
	return out
}

// one returns the only series of the interval.
func one(t *testing.T, tr *Tracker) Series {
	t.Helper()
	all := take(tr)
	require.Len(t, all, 1)
	return all[0]
}

func TestBaselineIsNotAccounted(t *testing.T) {
	older := flowOf(1, protoTCP, 1000)
	tr := started(testConfig(t), older)
	older.OrigCounters.Bytes += 7
	dump(tr, 1, older)
	require.Equal(t, Counters{Bytes: 7}, one(t, tr).Orig)
}

func TestBaselineIsAccountedOnRequest(t *testing.T) {
	cfg := testConfig(t)
	cfg.AccountExisting = true
	tr := started(cfg, flowOf(1, protoTCP, 1000))
	dump(tr, 1, flowOf(1, protoTCP, 1000))
	require.Equal(t, Counters{1, 1000}, one(t, tr).Orig)
}

// Flows that end while the baseline runs are distinguished by their start.
func TestDestroyDuringBaseline(t *testing.T) {
	for name, c := range map[string]struct {
		start   time.Time
		account bool
		counted bool
	}{
		"older":                   {start: at(-1)},
		"newer":                   {start: at(0.5), counted: true},
		"no start time":           {},
		"older, existing account": {start: at(-1), account: true, counted: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.AccountExisting = c.account
			tr := NewTracker(cfg)
			tr.BeginBaseline(at(0))
			tr.BeginDump(at(1))
			f := flowOf(1, 17, 1000)
			if !c.start.IsZero() {
				f.Start = c.start.UnixNano()
			}
			tr.OnDestroy(&f, at(1))
			tr.Observe(&f) // the dump had read it before it died
			tr.EndDump(true, true)
			require.Equal(t, c.counted, len(take(tr)) == 1)
			require.Zero(t, tr.Stats().Flows)
		})
	}
}

// Until a dump is complete, flows that are older than the baseline may still end
// and be shown for the first time.
func TestBaselineLastsUntilADumpIsComplete(t *testing.T) {
	tr := NewTracker(testConfig(t))
	tr.BeginBaseline(at(0))
	tr.BeginDump(at(1))
	tr.EndDump(false, true)
	ended, shown := flowOf(1, 17, 1000), flowOf(2, 17, 1000)
	ended.Start, shown.Start = at(-1).UnixNano(), at(-1).UnixNano()
	tr.OnDestroy(&ended, at(2))
	dump(tr, 3, shown)
	require.Empty(t, take(tr))
	require.EqualValues(t, 1, tr.Stats().OlderFlows)

	late := flowOf(3, 17, 1000)
	late.Start = at(-1).UnixNano()
	dump(tr, 4, shown, late)
	require.EqualValues(t, 1000, one(t, tr).Orig.Bytes, "the baseline is over")
}

// A complete dump does not show all of a dying list that is not empty: events of older
// flows can still come. Without start times, they can no longer be distinguished from new ones.
func TestBaselineLastsWhileFlowsAreDying(t *testing.T) {
	tr := NewTracker(testConfig(t))
	tr.BeginBaseline(at(0))
	for range 2 {
		tr.BeginDump(at(1))
		tr.EndDump(true, false)
	}
	older, newer, untimed := flowOf(1, 17, 1000), flowOf(2, 17, 20), flowOf(3, 17, 3)
	older.Start, newer.Start = at(-1).UnixNano(), at(0.5).UnixNano()
	for _, f := range []Flow{older, newer, untimed} {
		tr.OnDestroy(&f, at(2))
	}
	require.EqualValues(t, 23, one(t, tr).Orig.Bytes)
	require.EqualValues(t, 1, tr.Stats().OlderFlows)
}

func TestMissingIsNotDead(t *testing.T) {
	tr := started(testConfig(t))
	f := flowOf(1, protoTCP, 100)
	dump(tr, 15, f)
	require.EqualValues(t, 0, one(t, tr).Connections)
	dump(tr, 30)
	require.Empty(t, take(tr), "one dump without it may be chance")
	dump(tr, 45)
	require.EqualValues(t, 1, one(t, tr).Connections)

	f.OrigCounters.Bytes += 11
	tr.OnDestroy(&f, at(60))
	s := one(t, tr)
	require.Equal(t, Counters{Bytes: 11}, s.Orig)
	require.Zero(t, s.Connections)
}

func TestWhatNeverSendsDestroyIsForgotten(t *testing.T) {
	tr := started(testConfig(t))
	dump(tr, 15, flowOf(1, 17, 100))
	for i := range 70 {
		dump(tr, 30+15*float64(i))
	}
	require.Zero(t, tr.Stats().Flows)
	require.EqualValues(t, 1, tr.Stats().Swept)
}

// An interrupted dump shows part of the table: what it lacks is not missing.
func TestInterruptedDumpsDoNotSweep(t *testing.T) {
	tr := started(testConfig(t))
	dump(tr, 15, flowOf(1, protoTCP, 100))
	take(tr)
	for range 5 {
		tr.BeginDump(at(30))
		tr.EndDump(false, true)
	}
	dump(tr, 31)
	require.Empty(t, take(tr))
}

func TestLifetimes(t *testing.T) {
	closing := func(start, stop float64, state uint8) Flow {
		f := flowOf(1, protoTCP, 10)
		f.Start, f.TCPState = at(start).UnixNano(), state
		if stop != 0 {
			f.Stop = at(stop).UnixNano()
		}
		return f
	}
	closed, ended := closing(1, 0, TCPCloseWait), closing(1, 9, TCPTimeWait)
	for name, c := range map[string]struct {
		feed func(*Tracker)
		ms   uint64
	}{
		"close event, then dump": {func(tr *Tracker) { tr.OnClose(&closed, at(1.25)); dump(tr, 5, closed) }, 250},
		"close event while the dump runs": {func(tr *Tracker) {
			tr.BeginDump(at(5))
			tr.Observe(&closed)
			tr.OnClose(&closed, at(1.25))
			tr.EndDump(true, true)
		}, 250},
		"close event, then destroy": {func(tr *Tracker) { tr.OnClose(&closed, at(1.25)); tr.OnDestroy(&ended, at(9)) }, 250},
		"dump alone":                {func(tr *Tracker) { dump(tr, 5, closed); tr.OnDestroy(&ended, at(9)) }, 4000},
		"destroy alone":             {func(tr *Tracker) { tr.OnDestroy(&ended, at(9.5)) }, 8000},
	} {
		t.Run(name, func(t *testing.T) {
			tr := started(testConfig(t))
			c.feed(tr)
			s := one(t, tr)
			require.EqualValues(t, 1, s.Connections)
			require.Equal(t, c.ms, s.ConnectionTimes)
		})
	}
}

// Without a close event, what is left of the kernel's timeout tells when a
// connection had its last packet.
func TestLifetimesFromTimeouts(t *testing.T) {
	timeouts := TCPTimeouts{TCPCloseWait: 60 * time.Second, TCPLastAck: 30 * time.Second, TCPTimeWait: 120 * time.Second, TCPClose: 10 * time.Second}
	reading := func(state uint8, left uint32, stop float64) Flow {
		f := flowOf(1, protoTCP, 10)
		f.Start, f.TCPState, f.Timeout = at(1).UnixNano(), state, left
		if stop != 0 {
			f.Stop = at(stop).UnixNano()
		}
		return f
	}
	for name, c := range map[string]struct {
		flow Flow // in a dump at 15 s, or destroyed
		open bool // it was open in a dump at 10 s
		ms   uint64
	}{
		"closed after 4.5 s":                    {reading(TCPTimeWait, 110, 0), false, 4500},
		"one end closed after 9.5 s":            {reading(TCPCloseWait, 55, 0), false, 9500},
		"waits for the last ACK":                {reading(TCPLastAck, 25, 0), false, 9500},
		"reset just now":                        {reading(TCPClose, 9, 0), false, 13_500},
		"a longer timeout of its own":           {reading(TCPTimeWait, 599, 0), false, 14_000},
		"a shorter timeout of its own":          {reading(TCPTimeWait, 5, 0), true, 9000},
		"expired between two dumps":             {reading(TCPClose, 0, 14.25), false, 3250},
		"gone early":                            {reading(TCPTimeWait, 117, 14.25), false, 10_750},
		"open when it was flushed":              {reading(3, 400_000, 14.25), false, 13_250},
		"a kernel that does not tell its state": {reading(0, 0, 14.25), false, 13_250},
	} {
		t.Run(name, func(t *testing.T) {
			tr := started(testConfig(t))
			tr.SetTimeouts(timeouts)
			if c.open {
				dump(tr, 10, reading(3, 400_000, 0))
				take(tr)
			}
			if c.flow.Stop == 0 {
				dump(tr, 15, c.flow)
			} else {
				tr.OnDestroy(&c.flow, at(15))
			}
			s := one(t, tr)
			require.EqualValues(t, 1, s.Connections)
			require.Equal(t, c.ms, s.ConnectionTimes)
		})
	}
}

func TestOpenConnections(t *testing.T) {
	tr := started(testConfig(t), flowOf(1, protoTCP, 1))
	closed := flowOf(3, protoTCP, 1)
	closed.TCPState = TCPTimeWait
	flows := []Flow{flowOf(1, protoTCP, 1), flowOf(2, protoTCP, 1), closed, flowOf(2, protoTCP, 1)}
	for range 3 { // the gauge is there without traffic too
		dump(tr, 15, flows...)
		all := take(tr)
		require.Len(t, all, 1)
		require.EqualValues(t, 2, all[0].Open)
	}
}

func TestNewFlowUnderADeadOnesIdentity(t *testing.T) {
	cfg := testConfig(t)
	cfg.MissingTTL = 0 // the kernel sends no events
	tr := started(cfg)
	f := flowOf(1, protoTCP, 100)
	dump(tr, 15, f)
	take(tr)
	reborn := flowOf(1, protoTCP, 30) // counters went back, no start times
	dump(tr, 30, reborn)
	s := one(t, tr)
	require.Equal(t, Counters{1, 30}, s.Orig)
	require.EqualValues(t, 1, s.Connections, "the first of the two")
	tr.OnDestroy(&reborn, at(31))
	require.EqualValues(t, 1, one(t, tr).Connections)
}

// Where events say when a flow ends, counters that went back were zeroed.
func TestZeroedWithoutStartTimes(t *testing.T) {
	tr := started(testConfig(t))
	f := flowOf(1, protoTCP, 100)
	dump(tr, 15, f)
	take(tr)
	zeroed := flowOf(1, protoTCP, 30)
	dump(tr, 30, zeroed)
	s := one(t, tr)
	require.Equal(t, Counters{1, 30}, s.Orig)
	require.Zero(t, s.Connections, "it lives")
	zeroed.OrigCounters.Bytes = 10
	tr.OnDestroy(&zeroed, at(31))
	s = one(t, tr)
	require.EqualValues(t, 10, s.Orig.Bytes)
	require.EqualValues(t, 1, s.Connections)
	require.Zero(t, tr.Stats().Flows)
}

// Without start times, equal counters alone do not make an event a repeated one.
func TestDestroyTwice(t *testing.T) {
	for name, c := range map[string]struct{ timed, may, again bool }{
		"start times":           {timed: true, again: true},
		"none":                  {},
		"none, events repeated": {may: true, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.MayRepeat = func() bool { return c.may }
			tr := started(cfg)
			f := flowOf(1, 17, 100)
			if c.timed {
				f.Start = at(0.5).UnixNano()
			}
			tr.OnDestroy(&f, at(1))
			tr.OnDestroy(&f, at(1))
			require.EqualValues(t, map[bool]int{true: 100, false: 200}[c.again], one(t, tr).Orig.Bytes)
			require.EqualValues(t, map[bool]int{true: 1, false: 0}[c.again], tr.Stats().Repeated)
		})
	}
}

// The kernel counts packets that find an entry between its DESTROY event and its
// removal. A listener that gets the event again sees them.
func TestPacketsAfterTheEnd(t *testing.T) {
	tr := started(testConfig(t))
	f := flowOf(1, 47, 10)
	f.Start = at(0.5).UnixNano()
	tr.OnDestroy(&f, at(1))
	require.EqualValues(t, 10, one(t, tr).Orig.Bytes)
	late := f
	late.OrigCounters.add(Counters{1, 29})
	tr.OnDestroy(&late, at(2))
	s := one(t, tr)
	require.Equal(t, Counters{1, 29}, s.Orig)
	require.Equal(t, Counters{}, s.Reply)
	tr.OnDestroy(&late, at(3))
	require.Empty(t, take(tr))
	require.EqualValues(t, 2, tr.Stats().Repeated)
}

func TestCardinalityGuardLosesNoByte(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxSeries = 10
	tr := started(cfg)
	ports := &Ports{}
	var scan []Flow
	for port := range uint16(100) {
		f := flowOf(uint32(port)+1, protoTCP, 10)
		f.Orig.DstPort = port
		ports.Add(protoTCP, uint16(port), uint16(port))
		scan = append(scan, f)
	}
	tr.SetPorts(ports)
	dump(tr, 15, scan...)
	var bytes uint64
	all := take(tr)
	for _, s := range all {
		bytes += s.Orig.Bytes
	}
	require.Len(t, all, 9, "eight ports and the rest")
	require.EqualValues(t, 1000, bytes)
	require.Equal(t, Folded{Ports: 92}, tr.Stats().Folded)
}

func TestTranslatedView(t *testing.T) {
	for _, translated := range []bool{false, true} {
		cfg := testConfig(t)
		cfg.Translated = translated
		cfg.Filter.Destination = []netip.Prefix{netip.MustParsePrefix(map[bool]string{false: "10.0.0.2/32", true: "192.168.7.7/32"}[translated])}
		tr := started(cfg)
		tr.SetPorts(tcpPorts(80, 8080))
		port := map[bool]int32{false: 80, true: 8080}[translated]
		f := flowOf(1, protoTCP, 10)
		f.Reply = Tuple{Src: v4(192, 168, 7, 7), Dst: f.Orig.Src, SrcPort: 8080, DstPort: f.Orig.SrcPort}
		dump(tr, 15, f)
		dst := map[bool]string{false: "10.0.0.2", true: "192.168.7.7"}[translated]
		s := one(t, tr)
		require.Equal(t, dst, s.Key.Dst.IP().String())
		require.Equal(t, port, s.Key.Port)
		dump(tr, 30)
		dump(tr, 45) // closed unseen: the view is remembered
		s = one(t, tr)
		require.Equal(t, dst, s.Key.Dst.IP().String())
		require.Equal(t, port, s.Key.Port)
	}
}

// A mark lets a flow in; losing the mark later does not lose its last bytes.
func TestMarkOfAKnownFlowMayChange(t *testing.T) {
	cfg := testConfig(t)
	cfg.Filter.Mark, cfg.Filter.MarkMask = 1, 0xff
	tr := started(cfg)
	unmarked, marked := flowOf(1, 17, 5), flowOf(2, 17, 7)
	marked.Mark = 0x101
	dump(tr, 15, unmarked, marked)
	require.EqualValues(t, 7, one(t, tr).Orig.Bytes)
	marked.Mark, marked.OrigCounters.Bytes = 0, 9
	tr.OnDestroy(&unmarked, at(16))
	tr.OnDestroy(&marked, at(16))
	require.EqualValues(t, 2, one(t, tr).Orig.Bytes)
}

func TestFlowsWithoutCountersAreCountedAsSuch(t *testing.T) {
	tr := started(testConfig(t))
	f := flowOf(1, protoTCP, 0)
	f.HasCounters = false
	dump(tr, 15, f)
	tr.OnDestroy(&f, at(16))
	s := one(t, tr)
	require.EqualValues(t, 1, s.Connections)
	require.EqualValues(t, 2, tr.Stats().Uncounted)
}

func TestSeriesComeBySource(t *testing.T) {
	tr := started(testConfig(t))
	var flows []Flow
	for id := range uint32(50) {
		f := flowOf(id, protoUDP, 1)
		f.Orig.Src, f.Orig.DstPort = v4(10, 0, 0, byte(id*7%10)), uint16(id)
		flows = append(flows, f)
	}
	dump(tr, 1, flows...)
	var sources []Addr
	for _, s := range take(tr) {
		if n := len(sources); n == 0 || sources[n-1] != s.Key.Src.Addr {
			sources = append(sources, s.Key.Src.Addr)
		}
	}
	require.Len(t, sources, 10, "each once")
	require.True(t, slices.IsSortedFunc(sources, func(a, b Addr) int { return a.IP().Compare(b.IP()) }))
}

package accounting

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// answered makes a flow one that was answered, or not.
func answer(f Flow, yes bool) Flow {
	f.Status, f.ReplyCounters = 0, Counters{}
	if yes {
		f.Status, f.ReplyCounters = statusSeenReply|statusAssured, Counters{1, 7}
	}
	return f
}

// hostile returns a flow with random values of everything that a sender can choose.
func hostile(rng *rand.Rand, id uint32) Flow {
	f := flowOf(id, uint8(rng.IntN(256)), 40+uint64(rng.IntN(1400)))
	f.Orig = Tuple{SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32())}
	for _, a := range []*Addr{&f.Orig.Src, &f.Orig.Dst} {
		binary.BigEndian.PutUint64(a[:8], 0x20010db8<<32|rng.Uint64N(1<<32))
		binary.BigEndian.PutUint64(a[8:], rng.Uint64())
	}
	if id%2 == 0 {
		f.Orig.Src, f.Orig.Dst = v4(10, byte(rng.Uint32()), byte(rng.Uint32()), 1), v4(10, 0, byte(rng.Uint32()), byte(rng.Uint32()))
	}
	f.Zone, f.Mark = uint16(rng.Uint32()), rng.Uint32()
	return answer(f, rng.IntN(2) == 0)
}

// Whatever varies, max_series bounds the series of an interval, and not one byte
// is lost.
func TestSeriesAreBoundedWhateverVaries(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 10, 100, 1000} {
		for _, unanswered := range []Unanswered{AccountUnanswered, FoldUnanswered, IgnoreUnanswered} {
			t.Run(fmt.Sprintf("%d,%d", limit, unanswered), func(t *testing.T) {
				cfg := testConfig(t)
				cfg.MaxSeries, cfg.Unanswered, cfg.Filter.ICMP = limit, unanswered, true
				cfg.GroupBy = GroupBy{Zone: true, Family: true, MarkMask: 0xffff, SourcePorts: 10}
				tr, rng := started(cfg), rand.New(rand.NewPCG(uint64(limit), 1))
				var sent, got totals
				for interval := range 3 {
					var shown []Flow
					for i := range 3000 {
						f := hostile(rng, uint32(10_000*interval+i))
						sent.add(&Series{Orig: f.OrigCounters, Reply: f.ReplyCounters})
						if i%2 == 0 {
							tr.OnDestroy(&f, at(15*float64(interval)))
						} else {
							shown = append(shown, f)
						}
					}
					dump(tr, 15*float64(interval+1), shown...)
					for i := range shown {
						tr.OnDestroy(&shown[i], at(15*float64(interval+1)))
					}
					all := take(tr)
					require.LessOrEqual(t, len(all), limit+2)
					for i := range all {
						all[i].Connections = 0
						got.add(&all[i])
					}
				}
				s := tr.Stats()
				got.bytes, got.packets = got.bytes+s.IgnoredBytes, got.packets+s.IgnoredPackets
				require.Equal(t, sent, got)
				f := s.Folded
				require.True(t, f.Ports >= f.Sources && f.Sources >= f.Destinations && f.Destinations >= f.Protocols, "%+v", f)
				require.NotZero(t, f.Protocols)
			})
		}
	}
}

// A flood of spoofed SYNs keeps its destination, and takes no detail of the
// traffic that is answered, even when it comes first.
func TestFloodLeavesTheRestItsDetail(t *testing.T) {
	cfg := testConfig(t)
	tr := started(cfg)
	tr.SetPorts(tcpPorts(80))
	var flows []Flow
	for i := range uint32(10_000) {
		f := answer(flowOf(i, protoTCP, 40), false)
		f.Orig.Src = v4(172, byte(i>>16), byte(i>>8), byte(i))
		flows = append(flows, f)
	}
	for i := range uint32(cfg.MaxSeries / 4) {
		f := flowOf(20_000+i, protoTCP, 1000)
		f.Orig.Src = v4(10, 1, byte(i>>8), byte(i))
		flows = append(flows, f)
	}
	dump(tr, 15, flows...)
	detailed := 0
	var flood uint64
	for _, s := range take(tr) {
		switch s.Key.Src.Addr[12] {
		case 10:
			detailed++
			require.Equal(t, Counters{1, 1000}, s.Orig)
			require.EqualValues(t, 80, s.Key.Port)
		default:
			require.Equal(t, "10.0.0.2", s.Key.Dst.String())
			flood += s.Orig.Bytes
		}
	}
	require.Equal(t, cfg.MaxSeries/4, detailed)
	require.EqualValues(t, 40*10_000, flood)
	require.NotZero(t, tr.Stats().Folded.Sources)
	require.Zero(t, tr.Stats().Folded.Destinations)
}

// What is no connection is not counted as one, however it ends.
func TestOnlyCompleteHandshakesAreConnections(t *testing.T) {
	for name, c := range map[string]struct {
		status      uint32
		reply       Counters
		connections uint64
	}{
		"unanswered":                      {0, Counters{}, 0},
		"refused by RST":                  {0, Counters{1, 40}, 0},
		"the answer was not acknowledged": {statusSeenReply, Counters{1, 44}, 0},
		"complete":                        {statusSeenReply | statusAssured, Counters{1, 44}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := flowOf(1, protoTCP, 40)
			f.Status, f.ReplyCounters = c.status, c.reply
			ended := started(testConfig(t))
			ended.OnDestroy(&f, at(1))
			require.Equal(t, c.connections, one(t, ended).Connections)

			seen := started(testConfig(t))
			dump(seen, 15, f)
			require.Equal(t, c.connections, one(t, seen).Open)
			require.Equal(t, int(1-c.connections), seen.Stats().Unanswered)
			vanished := resumed(t, seen, 20)
			for _, tr := range []*Tracker{seen, vanished} {
				dump(tr, 30)
				dump(tr, 45)
				var connections uint64
				for _, s := range take(tr) {
					connections += s.Connections
				}
				require.Equal(t, c.connections, connections)
			}

			closed := started(testConfig(t))
			f.TCPState = TCPClose
			dump(closed, 15, f)
			require.Equal(t, c.connections, one(t, closed).Connections)
		})
	}
}

// Folded from the start, an unanswered flow keeps its destination; what it sends
// once it is answered is its own.
func TestUnansweredFlowsAreFolded(t *testing.T) {
	cfg := testConfig(t)
	cfg.Unanswered = FoldUnanswered
	tr := started(cfg)
	tr.SetPorts(tcpPorts(80))
	f := answer(flowOf(1, protoTCP, 40), false)
	dump(tr, 15, f)
	s := one(t, tr)
	require.Equal(t, "0.0.0.0/0 10.0.0.2 -1", fmt.Sprint(s.Key.Src, s.Key.Dst, s.Key.Port))
	require.Equal(t, Counters{1, 40}, s.Orig)

	f = answer(f, true)
	f.OrigCounters = Counters{3, 240}
	tr.OnDestroy(&f, at(20))
	s = one(t, tr)
	require.Equal(t, "10.0.0.1 10.0.0.2 80", fmt.Sprint(s.Key.Src, s.Key.Dst, s.Key.Port))
	require.Equal(t, Series{Key: s.Key, Orig: Counters{2, 200}, Reply: Counters{1, 7}, Connections: 1, ConnectionTimes: 5000}, s)
	require.Zero(t, tr.Stats().Folded, "max_series folded nothing")
}

// Left out, an unanswered flow is counted as such when it ends; one that is
// answered after all is accounted from its beginning.
func TestUnansweredFlowsAreIgnored(t *testing.T) {
	cfg := testConfig(t)
	cfg.Unanswered = IgnoreUnanswered
	tr := started(cfg)
	never, late := answer(flowOf(1, protoUDP, 40), false), answer(flowOf(2, protoUDP, 50), false)
	dump(tr, 15, never, late)
	require.Empty(t, take(tr))
	late = answer(late, true)
	late.OrigCounters = Counters{2, 90}
	tr.OnDestroy(&never, at(20))
	dump(tr, 30, late)
	s := one(t, tr)
	require.Equal(t, Counters{2, 90}, s.Orig)
	require.Equal(t, Counters{1, 7}, s.Reply)
	stats := tr.Stats()
	require.Equal(t, []uint64{1, 1, 40}, []uint64{stats.IgnoredFlows, stats.IgnoredPackets, stats.IgnoredBytes})
}

// The sums are exact, whichever flows are answered and when.
func TestExactWhateverBecomesOfTheUnanswered(t *testing.T) { play(t, 40, unanswered) }

func unanswered(t *testing.T, seed uint64) {
	cfg := testConfig(t)
	cfg.Unanswered, cfg.MaxSeries = []Unanswered{FoldUnanswered, IgnoreUnanswered}[seed/2%2], 10
	simulate(t, seed, cfg, func(*Tracker, *rand.Rand) {})
}

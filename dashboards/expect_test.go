package main

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// value computes what a panel shows of a step of so many seconds, from the truth.
type value func(s *step, name string, seconds float64) (n float64, known bool)

// of makes a value of sums.
func of(compute func(s *sums) float64, perSecond bool) value {
	return func(s *step, name string, seconds float64) (float64, bool) {
		n := 0.0
		if found := s.names[name]; found != nil {
			n = compute(found)
		}
		if perSecond {
			n /= seconds
		}
		return n, true
	}
}

var (
	bitsOut     = of(func(s *sums) float64 { return 8 * s.srcBytes }, true)
	bitsBack    = of(func(s *sums) float64 { return 8 * s.dstBytes }, true)
	bitsBoth    = of(func(s *sums) float64 { return 8 * (s.srcBytes + s.dstBytes) }, true)
	packetsOut  = of(func(s *sums) float64 { return s.srcPackets }, true)
	packetsBack = of(func(s *sums) float64 { return s.dstPackets }, true)
	packetsBoth = of(func(s *sums) float64 { return s.srcPackets + s.dstPackets }, true)
	closed      = of(func(s *sums) float64 { return s.count }, true)
)

// meanLifetime is unknown where nothing was closed.
func meanLifetime(s *step, name string, _ float64) (float64, bool) {
	if found := s.names[name]; found != nil && found.count > 0 {
		return found.times / found.count, true
	}
	return 0, false
}

// meanOpen is unknown where no report has it.
func meanOpen(s *step, name string, _ float64) (float64, bool) {
	return s.averageOpen(name), len(s.tracked) > 0
}

type expectation func(t testing.TB, frame *data.Frame, q question)

// expectations are what each panel has to show, by its title.
var expectations = map[string]expectation{
	"Throughput": eitherLines(map[string]value{"throughput": bitsBoth}, map[string]value{"sent": bitsOut, "received": bitsBack}),
	"Packets":    eitherLines(map[string]value{"packets": packetsBoth}, map[string]value{"sent": packetsOut, "received": packetsBack}),

	"Closed connections":    lines(map[string]value{"connections": closed}),
	"Average lifetime":      lines(map[string]value{"lifetime": meanLifetime}),
	"Open connections":      lines(map[string]value{"open": meanOpen}),
	"Connections it opened": lines(map[string]value{"sent": bitsOut, "received": bitsBack}),
	"Connections to it":     lines(map[string]value{"sent": bitsOut, "received": bitsBack}),
	"Network throughput":    lines(map[string]value{"sent": bitsOut, "received": bitsBack}),
	"Connection rate":       lines(map[string]value{"closed connections": closed}),

	"Bandwidth per source":        named(bySrc, 10, bitsBoth),
	"Traffic per source":          named(bySrc, 10, bitsBoth),
	"Traffic per destination":     named(byDst, 10, bitsBoth),
	"Traffic per port":            named(byService, 10, bitsBoth),
	"Open connections per source": named(bySrc, 10, meanOpen),
	"Destinations over time":      named(byDst, 25, bitsBoth), // there are no more than ten
	"Sources over time":           named(bySrc, 25, bitsBoth),
	"Ports it uses":               named(byService, 10, bitsBoth),
	"Ports it serves":             named(byService, 10, bitsBoth),
	"Over time":                   named(bySrc, 10, bitsBoth),

	"Top sources":      ranked(bySrc),
	"Sources":          ranked(bySrc),
	"Top destinations": ranked(byDst),
	"Destinations":     ranked(byDst),
	"Ports":            ranked(byService),
	"It connects to":   ranked(byDst),
	"It is reached by": ranked(bySrc),
	"Whole range":      ranked(bySrc),

	"Greatest source":                greatestShare,
	"Last five minutes":              rated(bySrc, false),
	"Risen most":                     rated(bySrc, true),
	"Ports of the last five minutes": rated(byService, false),
	"Active sources":                 activeSources,
	"New sources":                    newSources,
	"First seen today":               firstSeen,
	"Most destinations":              peersOf(bySrc, byDst),
	"Most sources":                   peersOf(byDst, bySrc),

	"Sources against destinations": allPairs,
	"Pairs":                        pairs,

	"Sinks":                        oneSink,
	"Age of the last report":       knownGateways,
	"Reports in this range":        countReports,
	"Late or repeated reports":     anything,
	"Reports":                      reportLines,
	"Disk use":                     anything,
	"Disk use of raw rows per day": anything,
}

func total1(found map[time.Time]*step) []string {
	for _, s := range found {
		if len(s.names) > 0 {
			return []string{"total"}
		}
	}
	return nil
}

// truthOf computes the truth in the steps of the frame, and returns them with
// how long they are. It demands that the steps are those that Grafana asked for,
// or whole hours where only those can answer.
func truthOf(t testing.TB, frame *data.Frame, q question, name func(string, *reportfile.Row) string) (map[time.Time]*step, time.Duration) {
	t.Helper()
	width := max(q.interval(q.panel), pace)
	if width < time.Minute {
		width = (width + pace - 1) / pace * pace
	}
	if q.hourly {
		width = time.Hour
	}
	from, to := q.from.Truncate(width), q.to.Truncate(width)
	return q.reports().truth(from, to, width, q.keep, name), width
}

// lines expects lines over all that is chosen, by their labels.
func lines(want map[string]value) expectation {
	return func(t testing.TB, frame *data.Frame, q question) {
		t.Helper()
		truth, width := truthOf(t, frame, q, total)
		if total1(truth) == nil {
			require.Zero(t, frame.Rows())
			return
		}
		require.Len(t, frame.Fields, len(want)+1)
		for label, value := range want {
			checkLine(t, frame, label, truth, func(s *step) (float64, bool) { return value(s, "total", width.Seconds()) })
		}
	}
}

func eitherLines(one, other map[string]value) expectation {
	return func(t testing.TB, frame *data.Frame, q question) {
		t.Helper()
		for label := range one {
			if field, _ := frame.FieldByName(label); field == nil {
				lines(other)(t, frame, q)
				return
			}
		}
		lines(one)(t, frame, q)
	}
}

// named expects a line for each of the top names, and one for all others.
func named(name func(string, *reportfile.Row) string, most int, value value) expectation {
	return func(t testing.TB, frame *data.Frame, q question) {
		t.Helper()
		truth, width := truthOf(t, frame, q, name)
		shown := top(truth, most, func(s *step, name string) float64 { n, _ := value(s, name, 1); return n })
		expected := map[string]bool{}
		for _, s := range truth {
			for name := range s.names {
				if shown[name] {
					expected[name] = true
				} else {
					expected["all others"] = true
				}
			}
		}
		if len(expected) == 0 {
			require.Zero(t, frame.Rows())
			return
		}
		require.Len(t, frame.Fields, len(expected)+1)
		for line := range expected {
			checkLine(t, frame, line, truth, func(s *step) (sum float64, known bool) {
				if line != "all others" {
					return value(s, line, width.Seconds())
				}
				_, known = value(s, line, 1)
				for name := range s.names {
					if !shown[name] {
						n, _ := value(s, name, width.Seconds())
						sum += n
					}
				}
				return sum, known
			})
		}
	}
}

// checkLine compares a field with the truth, step by step.
func checkLine(t testing.TB, frame *data.Frame, label string, truth map[time.Time]*step, want func(*step) (float64, bool)) {
	t.Helper()
	field, _ := frame.FieldByName(label)
	require.NotNil(t, field, "no line %q", label)
	checkGaps(t, frame, truth)
	for row := range frame.Rows() {
		at := frame.Fields[0].At(row)
		when, ok := at.(*time.Time)
		if !ok {
			plain := at.(time.Time)
			when = &plain
		}
		s := truth[when.UTC()]
		got := field.At(row).(*float64)
		if s == nil {
			require.Nil(t, got, "%s is no step of %q", when, label)
			continue
		}
		n, known := want(s)
		if !known {
			require.Nil(t, got, "%s of %q", when, label)
			continue
		}
		require.NotNil(t, got, "%s of %q", when, label)
		requireClose(t, n, *got, "%s of %q", when, label)
	}
}

// checkGaps demands all steps, and one more, without numbers, in each gap.
func checkGaps(t testing.TB, frame *data.Frame, truth map[time.Time]*step) {
	t.Helper()
	times := slices.SortedFunc(maps.Keys(truth), time.Time.Compare)
	usual := ever
	for n := range times[1:] {
		usual = min(usual, times[n+1].Sub(times[n]))
	}
	var want []time.Time
	for n, at := range times {
		if n > 0 && at.Sub(times[n-1]) > usual {
			want = append(want, times[n-1].Add(usual))
		}
		want = append(want, at)
	}
	var got []time.Time
	for row := range frame.Rows() {
		at, _ := frame.Fields[0].ConcreteAt(row)
		got = append(got, at.(time.Time).UTC())
	}
	require.Equal(t, want, got)
}

func anything(testing.TB, *data.Frame, question) {}

// knownGateways expects all that are chosen, though the traffic is of long ago.
func knownGateways(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	require.Equal(t, len(q.reports()), frame.Rows())
	for row := range frame.Rows() {
		require.Contains(t, q.reports(), text(t, frame, "gateway", row))
		require.Greater(t, cell(t, frame, "age", row), 86400.0)
	}
}

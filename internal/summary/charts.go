package summary

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
)

// over draws the charts over time.
func (s *Summary) over() []timeChart {
	if len(s.Traffic) == 0 {
		return nil
	}
	return []timeChart{s.throughput(), s.sources()}
}

// noChart returns why there are no charts, "" if there are.
func (s *Summary) noChart() string {
	if len(s.Traffic) > 0 {
		return ""
	}
	return fmt.Sprintf("No chart over time yet: each of its steps would be of %s or more, and the first one with reports is not over. A later -since makes shorter steps.",
		span(s.step()))
}

func (s *Summary) throughput() timeChart {
	c := timeChart{Title: "Throughput", Note: "sent and received by the openers of connections" + s.began()}
	chart := s.steps(s.Traffic)
	chart.names = []string{"sent", "received"}
	chart.values = make([][]float64, 2)
	for _, p := range s.Traffic {
		chart.times = append(chart.times, p.Time)
		chart.values[0] = append(chart.values[0], 8*p.SrcBytes/p.Step.Seconds())
		chart.values[1] = append(chart.values[1], 8*p.DstBytes/p.Step.Seconds())
	}
	chart.draw(&c, false)
	return c
}

// began returns a note when the first report is late in the range, since the chart is
// nearly empty then.
func (s *Summary) began() string {
	first, last := s.Traffic[0].Time, s.Traffic[len(s.Traffic)-1]
	there := last.Time.Add(last.Step).Sub(first)
	if there > s.Filter.Until.Sub(s.Filter.Since)/10 {
		return ""
	}
	return fmt.Sprintf("; %s of data so far, from %s on", span(there), stamp(first))
}

func (s *Summary) sources() timeChart {
	c := timeChart{Title: "Bandwidth per source", Note: "both ways, on top of each other"}
	names := s.drawn()
	chart := s.steps(s.BySource)
	chart.values = make([][]float64, len(names))
	for _, p := range s.BySource {
		if n := len(chart.times); n == 0 || !p.Time.Equal(chart.times[n-1]) {
			chart.times = append(chart.times, p.Time)
			for i := range chart.values {
				chart.values[i] = append(chart.values[i], 0)
			}
		}
		chart.values[slices.Index(names, p.Name)][len(chart.times)-1] += 8 * (p.SrcBytes + p.DstBytes) / p.Step.Seconds()
	}
	for _, name := range names {
		chart.names = append(chart.names, printable.Line(name))
	}
	chart.draw(&c, true)
	return c
}

// drawn returns the sources that get a line, the greatest first, all others last.
func (s *Summary) drawn() []string {
	sums := map[string]float64{}
	for _, p := range s.BySource {
		sums[p.Name] += p.SrcBytes + p.DstBytes
	}
	if _, rest := sums[others]; rest {
		sums[others] = -1
	}
	return slices.SortedFunc(maps.Keys(sums), func(a, b string) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), strings.Compare(a, b))
	})
}

// others is the database's name for all but the top values.
const others = "all others"

// steps returns the range and the step of points. A report may arrive a little late, so
// a step no longer than the interval of reports may hold none: that is not a gap.
func (s *Summary) steps(list []store.Point) *steps {
	step := list[0].Step
	return &steps{since: s.Filter.Since, until: s.Filter.Until, step: step, lull: max(step, 2*s.Interval)}
}

// bar is a service, with its share of all traffic in percent.
type bar struct {
	Name, Size string
	Share      float64
}

// services returns the greatest services, one for each colour, and one bar for all others.
func (s *Summary) services() (bars []bar) {
	rest := s.Both()
	add := func(name string, bytes float64) {
		bars = append(bars, bar{printable.Line(name), octets(bytes), 100 * bytes / s.Both()})
		rest -= bytes
	}
	for _, total := range s.Services {
		if bytes := total.SrcBytes + total.DstBytes; bytes > 0 && total.Name != others && len(bars) < linesOfChart {
			add(total.Name, bytes)
		}
	}
	if rest > 0 {
		add(others, rest)
	}
	return bars
}

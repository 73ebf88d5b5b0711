package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// timeChart is a chart of values over time. Positions are in percent of the field, from
// the left and from the bottom, so that the page can stretch it without distorting
// letters.
type timeChart struct {
	Title, Note string
	Lines       []line
	Gaps        []gap
	Times       []mark
	Values      []mark
}

// Dated reports whether dates stand below times.
func (c timeChart) Dated() bool {
	return slices.ContainsFunc(c.Times, func(m mark) bool { return m.Text != "" && m.Date != "" })
}

// line is a line of the chart, as SVG writes paths: its edge, and the area below.
type line struct {
	Name       string
	Edge, Area string
}

// gap is a part of the range without reports.
type gap struct{ Left, Width float64 }

// mark is a label of an axis.
type mark struct {
	At         float64
	Text, Date string
}

// steps are the data of a chart: the values of each line at each time. A time is the
// beginning of a step, and all steps have the same length.
type steps struct {
	since, until time.Time
	times        []time.Time
	step         time.Duration
	lull         time.Duration // a gap is at least as long
	names        []string
	values       [][]float64 // of each name
}

// draw fills the chart; stacked lines stand on top of each other.
func (s *steps) draw(c *timeChart, stacked bool) {
	below := make([]float64, len(s.times))
	edges := make([][]float64, len(s.names))
	highest := 0.0
	for n := range s.names {
		edges[n] = make([]float64, len(s.times))
		for i, value := range s.values[n] {
			edges[n][i] = below[i] + value
			highest = max(highest, edges[n][i])
		}
		if stacked {
			below = edges[n]
		}
	}
	marks, top := valueMarks(highest)
	base := make([]float64, len(s.times))
	for n, name := range s.names {
		l := line{Name: name}
		for _, run := range s.runs() {
			edge, bottom := s.edge(run, edges[n], top), s.edge(run, base, top)
			slices.Reverse(bottom)
			l.Edge += path(edge)
			l.Area += path(append(edge, bottom...)) + "Z"
		}
		if stacked {
			base = edges[n]
		}
		c.Lines = append(c.Lines, l)
	}
	c.Values, c.Times, c.Gaps = marks, timeMarks(s.since, s.until), s.gaps()
}

// run is from one step to before another, without a gap.
type run struct{ from, to int }

func (s *steps) runs() (list []run) {
	for i := range s.times {
		if i == 0 || s.times[i].Sub(s.times[i-1]) >= s.step+s.lull {
			list = append(list, run{i, i})
		}
		list[len(list)-1].to = i + 1
	}
	return list
}

// gaps returns the gaps between runs, before the first and after the last. The last
// step may not be over yet; the database leaves such steps out.
func (s *steps) gaps() (list []gap) {
	end := s.since
	add := func(next time.Time, least time.Duration) {
		if next.Sub(end) >= least {
			list = append(list, gap{s.place(end), s.place(next) - s.place(end)})
		}
	}
	for _, r := range s.runs() {
		add(s.times[r.from], s.lull)
		end = s.times[r.to-1].Add(s.step)
	}
	add(s.until, s.lull+s.step)
	return list
}

type point struct{ x, y float64 }

// edge returns a path through the middle of each step, extended to the beginning of the
// first and the end of the last: a single step is a level line.
func (s *steps) edge(r run, values []float64, top float64) []point {
	at := func(moment time.Time, i int) point { return point{10 * s.place(moment), 1000 * (1 - values[i]/top)} }
	list := []point{at(s.times[r.from], r.from)}
	for i := r.from; i < r.to; i++ {
		list = append(list, at(s.times[i].Add(s.step/2), i))
	}
	return append(list, at(s.times[r.to-1].Add(s.step), r.to-1))
}

// place returns the position of a time on the axis, in percent. Times beyond the range
// are at its end.
func (s *steps) place(at time.Time) float64 {
	return 100 * max(0, min(1, float64(at.Sub(s.since))/float64(s.until.Sub(s.since))))
}

func path(points []point) string {
	var text strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&text, "%s%.1f %.1f", command, p.x, p.y)
	}
	return text.String()
}

package main

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// rising is what a name did in the five minutes before the last report, in bits per
// second, and in the hour before the end of the range until then.
type rising struct {
	name        string
	now, before float64
}

func (q question) rates(name func(string, *reportfile.Row) string) (list []rising, whole float64) {
	var last time.Time
	for _, times := range q.reportsOf(q.to.Add(-5*time.Minute), q.to.Add(-1)) {
		last = slices.MaxFunc(append(slices.Collect(maps.Keys(times)), last), time.Time.Compare)
	}
	if last.IsZero() {
		last = q.to
	}
	last = last.Add(time.Microsecond)
	since := q.to.Add(-time.Hour)
	now, before := q.rangeTruth(last.Add(-5*time.Minute), last, name), q.rangeTruth(since, last.Add(-5*time.Minute), name)
	for name, of := range now {
		r := rising{name: name, now: 8 * (of.srcBytes + of.dstBytes) / 300}
		if of := before[name]; of != nil {
			r.before = 8 * (of.srcBytes + of.dstBytes) / last.Add(-5*time.Minute).Sub(since).Seconds()
		}
		list = append(list, r)
		whole += r.now
	}
	return list, whole
}

func rated(name func(string, *reportfile.Row) string, most bool) expectation {
	return func(t testing.TB, frame *data.Frame, q question) {
		t.Helper()
		list, whole := q.rates(name)
		slices.SortFunc(list, func(a, b rising) int {
			if most {
				return cmp.Or(cmp.Compare(b.now-b.before, a.now-a.before), cmp.Compare(a.name, b.name))
			}
			return cmp.Or(cmp.Compare(b.now, a.now), cmp.Compare(a.name, b.name))
		})
		require.Equal(t, min(len(list), 10), frame.Rows())
		for row := range frame.Rows() {
			want := list[row]
			require.Equal(t, want.name, text(t, frame, "name", row))
			requireClose(t, want.now, cell(t, frame, "rate", row), want.name)
			requireClose(t, want.now/whole, cell(t, frame, "share", row), want.name)
			requireClose(t, want.now/want.before, cell(t, frame, "times", row), want.name)
		}
	}
}

func greatestShare(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	list, whole := q.rates(bySrc)
	if len(list) == 0 {
		require.Zero(t, frame.Rows())
		return
	}
	most := slices.MaxFunc(list, func(a, b rising) int { return cmp.Compare(a.now, b.now) })
	requireClose(t, most.now/whole, cell(t, frame, most.name, 0))
}

func activeSources(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	requireClose(t, float64(len(q.rangeTruth(q.to.Add(1-5*time.Minute), q.to.Add(1), bySrc))), cell(t, frame, "sources", 0))
}

// newSources expects all, which began on the same day, or none.
func newSources(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	want := 0.0
	if q.to.Truncate(24 * time.Hour).Equal(begin.Truncate(24 * time.Hour)) {
		want = 12
	}
	requireClose(t, want, cell(t, frame, "sources", 0))
}

func firstSeen(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	if !q.to.Truncate(24 * time.Hour).Equal(begin.Truncate(24 * time.Hour)) {
		require.Zero(t, frame.Rows())
		return
	}
	truth := q.rangeTruth(q.from, q.to, bySrc)
	require.Equal(t, min(len(truth), 10), frame.Rows())
	for row := range frame.Rows() {
		checkSums(t, frame, row, truth[text(t, frame, "name", row)])
	}
}

// peersOf expects how many others each has in the hours that the last hour touches.
func peersOf(name, other func(string, *reportfile.Row) string) expectation {
	return func(t testing.TB, frame *data.Frame, q question) {
		t.Helper()
		from, to := q.to.Add(-time.Hour).Truncate(time.Hour), q.to.Add(time.Hour-1).Truncate(time.Hour)
		found := map[string]map[string]bool{}
		both := func(host string, row *reportfile.Row) string {
			if n := name(host, row); q.keep(host, row) && time.Unix(0, row.Time).Before(to) && !time.Unix(0, row.Time).Before(from) {
				if found[n] == nil {
					found[n] = map[string]bool{}
				}
				found[n][other(host, row)] = true
			}
			return name(host, row)
		}
		truth := q.rangeTruth(from, to, both)
		require.Equal(t, min(len(found), 10), frame.Rows())
		for row := range frame.Rows() {
			n := text(t, frame, "name", row)
			requireClose(t, float64(len(found[n])), cell(t, frame, "peers", row), n)
			checkSums(t, frame, row, truth[n])
		}
	}
}

package main

import (
	"math"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

const ever = 1000 * time.Hour

// rangeTruth is the truth about the whole range, by name.
func (q question) rangeTruth(from, to time.Time, name func(string, *reportfile.Row) string) map[string]*sums {
	all := map[string]*sums{}
	for _, s := range q.reports().truth(from, to, ever, q.keep, name) {
		for name, of := range s.names {
			if all[name] == nil {
				all[name] = &sums{}
			}
			all[name].srcBytes += of.srcBytes
			all[name].dstBytes += of.dstBytes
			all[name].srcPackets += of.srcPackets
			all[name].dstPackets += of.dstPackets
			all[name].count += of.count
			all[name].times += of.times
		}
	}
	return all
}

// cell returns a number of a frame, NaN where it is NULL.
func cell(t testing.TB, frame *data.Frame, column string, row int) float64 {
	t.Helper()
	field, _ := frame.FieldByName(column)
	require.NotNil(t, field, "no column %q", column)
	n, err := field.NullableFloatAt(row)
	require.NoError(t, err)
	if n == nil {
		return math.NaN()
	}
	return *n
}

func text(t testing.TB, frame *data.Frame, column string, row int) string {
	t.Helper()
	field, _ := frame.FieldByName(column)
	require.NotNil(t, field, "no column %q", column)
	return *field.At(row).(*string)
}

// checkSums compares the columns that a table has with the truth.
func checkSums(t testing.TB, frame *data.Frame, row int, of *sums) {
	t.Helper()
	for column, want := range map[string]float64{
		"traffic": of.srcBytes + of.dstBytes, "sent": of.srcBytes, "received": of.dstBytes,
		"packets": of.srcPackets + of.dstPackets, "connections": of.count,
	} {
		if field, _ := frame.FieldByName(column); field != nil {
			requireClose(t, want, cell(t, frame, column, row), "%s in row %d", column, row)
		}
	}
	if field, _ := frame.FieldByName("share"); field != nil {
		whole := 0.0
		for other := range frame.Rows() {
			whole += cell(t, frame, "traffic", other)
		}
		requireClose(t, (of.srcBytes+of.dstBytes)/whole, cell(t, frame, "share", row))
	}
	if field, _ := frame.FieldByName("lifetime"); field != nil {
		if of.count == 0 {
			require.True(t, math.IsNaN(cell(t, frame, "lifetime", row)))
		} else {
			requireClose(t, of.times/of.count, cell(t, frame, "lifetime", row))
		}
	}
}

// ranked expects a row for each of the ten greatest, and one for all others.
func ranked(name func(string, *reportfile.Row) string) expectation {
	return func(t testing.TB, frame *data.Frame, q question) {
		t.Helper()
		truth := q.rangeTruth(q.from, q.to, name)
		require.Equal(t, min(len(truth), 11), frame.Rows())
		previous := math.Inf(1)
		for row := range frame.Rows() {
			name := text(t, frame, "name", row)
			if name == "all others" {
				require.Equal(t, 10, row, "all others come last")
				others := &sums{}
				for _, of := range truth {
					others.srcBytes += of.srcBytes
					others.dstBytes += of.dstBytes
					others.srcPackets += of.srcPackets
					others.dstPackets += of.dstPackets
					others.count += of.count
					others.times += of.times
				}
				checkSums(t, frame, row, others)
				continue
			}
			require.NotNil(t, truth[name], name)
			checkSums(t, frame, row, truth[name])
			traffic := truth[name].srcBytes + truth[name].dstBytes
			require.LessOrEqual(t, traffic, previous)
			previous = traffic
			delete(truth, name)
		}
	}
}

// pairRange is the range that pairs are of: whole hours where it is long.
func (q question) pairRange() (from, to time.Time) {
	raw := 15 * time.Minute
	if q.chosen["dst"] != nil {
		raw = time.Hour
	}
	if q.chosen["src"] != nil || q.chosen["port"] != nil {
		raw = 6 * time.Hour
	}
	if q.to.Sub(q.from) <= raw {
		return q.from, q.to
	}
	return q.from.Truncate(time.Hour), q.to.Add(time.Hour - 1).Truncate(time.Hour)
}

func pairName(_ string, row *reportfile.Row) string { return row.Src + " " + row.Dst }

func pairs(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	from, to := q.pairRange()
	truth := q.rangeTruth(from, to, pairName)
	require.Equal(t, len(truth), frame.Rows())
	for row := range frame.Rows() {
		of := truth[text(t, frame, "source", row)+" "+text(t, frame, "destination", row)]
		require.NotNil(t, of)
		checkSums(t, frame, row, of)
	}
}

// allPairs expects a row of each source with each destination, also of two that do not
// talk to each other.
func allPairs(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	from, to := q.pairRange()
	truth := q.rangeTruth(from, to, pairName)
	sources, destinations := map[string]bool{}, map[string]bool{}
	for row := range frame.Rows() {
		source, destination := text(t, frame, "source", row), text(t, frame, "destination", row)
		sources[source], destinations[destination] = true, true
		of := truth[source+" "+destination]
		if of == nil {
			require.True(t, math.IsNaN(cell(t, frame, "traffic", row)))
			continue
		}
		checkSums(t, frame, row, of)
		delete(truth, source+" "+destination)
	}
	require.Empty(t, truth)
	require.Equal(t, len(sources)*len(destinations), frame.Rows())
}

// reportsOf are the times of the reports of each chosen gateway in a range.
func (q question) reportsOf(from, to time.Time) map[string]map[time.Time]bool {
	found := map[string]map[time.Time]bool{}
	for host, rows := range q.reports() {
		found[host] = map[time.Time]bool{}
		for i := range rows {
			if at := time.Unix(0, rows[i].Time).UTC(); !at.Before(from) && !at.After(to) {
				found[host][at] = true
			}
		}
	}
	return found
}

func countReports(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	want := 0
	for _, times := range q.reportsOf(q.from, q.to) {
		want += len(times)
	}
	requireClose(t, float64(want), cell(t, frame, "reports", 0))
}

// reportLines expects whole steps, without a gap, also of a gateway that was silent.
func reportLines(t testing.TB, frame *data.Frame, q question) {
	t.Helper()
	if q.to.Before(begin) {
		require.Zero(t, frame.Rows())
		return
	}
	width := q.interval(q.panel)
	first, last := q.from.Truncate(width), q.to.Truncate(width).Add(width)
	require.Equal(t, int(last.Sub(first)/width), frame.Rows())
	for host, times := range q.reportsOf(first, last.Add(-1)) {
		sum := 0.0
		for row := range frame.Rows() {
			sum += cell(t, frame, host, row)
		}
		requireClose(t, float64(len(times)), sum)
	}
}

// oneSink expects the sink that filled puts there.
func oneSink(t testing.TB, frame *data.Frame, _ question) {
	t.Helper()
	require.Equal(t, 1, frame.Rows())
	require.Equal(t, "gw:/spool", text(t, frame, "sink", 0))
	requireClose(t, 7, cell(t, frame, "waiting", 0))
	require.Less(t, cell(t, frame, "heard", 0), 3600.0)
	require.True(t, math.IsNaN(cell(t, frame, "committed", 0)), "it has not committed yet")
}

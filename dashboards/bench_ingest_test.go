package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// refreshEvery is the shortest interval that Grafana offers.
const refreshEvery = 5 * time.Second

// BenchmarkIngestUnderDashboards imports reports, one after the other, alone and
// while four people look at dashboards that refresh at the same moment, every five
// seconds: how much longer a report takes then, and the slowest query. And the
// same with dashboards that refresh without a pause, which no Grafana does.
func BenchmarkIngestUnderDashboards(b *testing.B) {
	if b.N > 1 {
		return // once is enough
	}
	f := newBench(b, benchReports(b))
	at := f.end
	// ingest returns how many milliseconds a report takes, on average: the median
	// would hide those that met the dashboards.
	ingest := func(span time.Duration) float64 {
		reports := 0
		var busy time.Duration
		for begin := time.Now(); time.Since(begin) < span; reports++ {
			rows := benchReport(at)
			at = at.Add(pace)
			start := time.Now()
			_, err := f.sink.Import(b.Context(), "gw", rows)
			require.NoError(b, err)
			busy += time.Since(start)
		}
		return busy.Seconds() * 1000 / float64(reports)
	}
	ingest(refreshEvery / 2)
	alone := ingest(2 * refreshEvery)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(alone, "ms-alone")
	for name, every := range map[string]time.Duration{"": refreshEvery, "-without-pause": 0} {
		together, slowest, queries := f.together(b, every, func() float64 { return ingest(4 * refreshEvery) })
		b.ReportMetric(together, "ms-together"+name)
		b.ReportMetric(together/alone, "times"+name)
		b.ReportMetric(slowest, "ms-slowest-query"+name)
		b.ReportMetric(float64(queries), "queries"+name)
	}
}

// together does something while four dashboards refresh.
func (f *bench) together(b *testing.B, every time.Duration, do func() float64) (took, slow float64, asked int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	slowest, queries, failed := make([]float64, 4), make([]int, 4), make([]error, 4)
	dashboards := map[string]*dashboard{}
	for _, file := range []string{"connections", "groups", "pair"} {
		dashboards[file] = load(b, "postgres/"+file+".json")
	}
	var readers sync.WaitGroup
	for i, file := range []string{"connections", "groups", "pair", "connections"} {
		readers.Go(func() { slowest[i], queries[i], failed[i] = f.refresh(ctx, b, dashboards[file], every) })
	}
	took = do()
	cancel()
	readers.Wait()
	require.NoError(b, errors.Join(failed...))
	return took, slices.Max(slowest), queries[0] + queries[1] + queries[2] + queries[3]
}

// refresh asks all queries of a dashboard again and again, and returns how long
// the slowest took.
func (f *bench) refresh(ctx context.Context, b *testing.B, d *dashboard, every time.Duration) (slowest float64, queries int, err error) {
	v := view{from: f.end.Add(-time.Hour), to: f.end}
	for ; ; sleep(ctx, every) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if ctx.Err() != nil {
					return slowest, queries, nil
				}
				took, err := f.took(v.sql(b, d, target["rawSql"].(string), v.interval(p)))
				if err != nil {
					return slowest, queries, err
				}
				slowest, queries = max(slowest, took), queries+1
			}
		}
	}
}

// sleep waits until the next multiple of an interval.
func sleep(ctx context.Context, every time.Duration) {
	if every == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(time.Now().Truncate(every).Add(every))):
	}
}

func benchReport(at time.Time) []reportfile.Row {
	rows := make([]reportfile.Row, 9900)
	for i := range rows {
		rows[i] = reportfile.Row{
			Time: at.UnixNano(), Proto: "tcp", Port: []int32{443, 80, 22, -1}[i%4],
			Src: fmt.Sprintf("10.32.%d.0", i/83), Dst: fmt.Sprintf("10.33.%d.0", i%83),
			SrcPackets: 10, SrcBytes: 5000, DstPackets: 20, DstBytes: 25000, ConnectionCount: 1, ConnectionTimes: 1000, HasOpen: true, OpenConnections: 3,
		}
	}
	return rows
}

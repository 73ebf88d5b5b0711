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

	"telegraf-conntrack-accounting/internal/report"
)

// BenchmarkIngestUnderDashboards imports reports alone, and while four people
// look at dashboards that refresh without a pause: how much longer a report takes
// then, and the slowest query.
func BenchmarkIngestUnderDashboards(b *testing.B) {
	if b.N > 1 {
		return // once is enough
	}
	f := newBench(b, benchReports(b))
	at := f.end
	ingest := func(reports int) float64 {
		took := make([]float64, reports)
		for i := range took {
			rows := benchReport(at)
			at = at.Add(pace)
			start := time.Now()
			_, err := f.sink.Import(b.Context(), "gw", rows)
			require.NoError(b, err)
			took[i] = time.Since(start).Seconds() * 1000
		}
		slices.Sort(took)
		return took[reports/2]
	}
	ingest(2)
	alone := ingest(10)

	ctx, cancel := context.WithCancel(b.Context())
	slowest, queries, failed := make([]float64, 4), make([]int, 4), make([]error, 4)
	dashboards := map[string]*dashboard{}
	for _, file := range []string{"connections", "groups", "pair"} {
		dashboards[file] = load(b, "postgres/"+file+".json")
	}
	var readers sync.WaitGroup
	for i, file := range []string{"connections", "groups", "pair", "connections"} {
		readers.Go(func() { slowest[i], queries[i], failed[i] = f.refresh(ctx, b, dashboards[file]) })
	}
	together := ingest(10)
	cancel()
	readers.Wait()
	require.NoError(b, errors.Join(failed...))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(alone, "ms-alone")
	b.ReportMetric(together, "ms-together")
	b.ReportMetric(together/alone, "times")
	b.ReportMetric(slices.Max(slowest), "ms-slowest-query")
	b.ReportMetric(float64(queries[0]+queries[1]+queries[2]+queries[3]), "queries")
}

// refresh asks all queries of a dashboard again and again, and returns how long
// the slowest took.
func (f *bench) refresh(ctx context.Context, b *testing.B, d *dashboard) (slowest float64, queries int, err error) {
	v := view{from: f.end.Add(-time.Hour), to: f.end}
	for {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if ctx.Err() != nil {
					return slowest, queries, nil
				}
				if !asksPostgres(target) {
					continue
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

func benchReport(at time.Time) []report.Row {
	rows := make([]report.Row, 9900)
	for i := range rows {
		rows[i] = report.Row{
			Time: at.UnixNano(), Proto: "tcp", Port: []int32{443, 80, 22, -1}[i%4],
			Src: fmt.Sprintf("10.32.%d.0", i/83), Dst: fmt.Sprintf("10.33.%d.0", i%83),
			SrcPackets: 10, SrcBytes: 5000, DstPackets: 20, DstBytes: 25000, ConnectionCount: 1, ConnectionTimes: 1000, HasOpen: true, OpenConnections: 3,
		}
	}
	return rows
}

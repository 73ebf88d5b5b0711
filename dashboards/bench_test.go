package main

import (
	"database/sql"
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

var (
	//go:embed testdata/fill.sql
	fillSQL string
	//go:embed testdata/old.sql
	oldSQL string
)

// benchReports is how many reports of 9,900 rows to fill: an hour of them, or
// as many as DASHBOARD_REPORTS says; 3600 are 36 million rows, 20 minutes and
// 20 GB. DASHBOARD_DSN names a database that is to be kept: the next run finds it filled, and
// nothing is compared with the older importer.
func benchReports(b *testing.B) int {
	b.Helper()
	n := testkit.Number(b, "DASHBOARD_REPORTS", 240)
	require.Zero(b, n%240, "whole hours")
	return n
}

// bench is a filled database.
type bench struct {
	sink  *store.DB
	db    *sql.DB
	begin time.Time
	end   time.Time
}

// newBench fills so many reports, of whole hours.
func newBench(b *testing.B, reports int) *bench {
	b.Helper()
	f := openBench(b)
	if f.filled(b, time.Hour) {
		return f
	}
	hours := time.Duration(reports/240) * time.Hour
	f.end = time.Now().UTC().Truncate(time.Hour)
	f.begin = f.end.Add(-hours)
	f.must(b, fillSQL)
	for at := f.begin; at.Before(f.end); at = at.Add(time.Hour) {
		f.must(b, `SELECT fill_hour($1, 240)`, at)
	}
	f.must(b, `VACUUM ANALYZE`)
	return f
}

// openBench opens the database that DASHBOARD_DSN names, or one that is removed at the end.
func openBench(b *testing.B) *bench {
	b.Helper()
	dsn := os.Getenv("DASHBOARD_DSN")
	if dsn == "" {
		dsn = testkit.Postgres(b, "shared_buffers=1GB", "max_wal_size=4GB", "maintenance_work_mem=512MB", "max_parallel_workers_per_gather=0").DSN()
	}
	sink, err := store.Open(dsn)
	require.NoError(b, err)
	b.Cleanup(func() { _ = sink.Close() })
	require.NoError(b, sink.Migrate(b.Context()))
	direct, err := sql.Open("postgres", dsn)
	require.NoError(b, err)
	b.Cleanup(func() { _ = direct.Close() })
	return &bench{sink: sink, db: direct}
}

// filled reports whether an earlier run has filled the database, and with which whole units.
func (f *bench) filled(b *testing.B, unit time.Duration) bool {
	b.Helper()
	var begin, last sql.NullTime
	require.NoError(b, f.db.QueryRow(`SELECT min(time), max(time) FROM vpn_traffic_hour_reports`).Scan(&begin, &last))
	f.begin, f.end = begin.Time.UTC(), last.Time.UTC().Add(time.Hour).Truncate(unit)
	return begin.Valid
}

func (f *bench) must(b *testing.B, statement string, args ...any) {
	b.Helper()
	_, err := f.db.Exec(statement, args...)
	require.NoError(b, err)
}

// took runs a query and returns how long it took, in milliseconds.
func (f *bench) took(query string) (float64, error) {
	start := time.Now()
	rows, err := f.db.Query(query)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	defer func() { _ = rows.Close() }()
	for more := rows.Next(); more; more = rows.Next() {
		continue // Grafana reads them all
	}
	return time.Since(start).Seconds() * 1000, rows.Err()
}

// median runs a query once to warm up and then some times, and returns the
// median in milliseconds.
func (f *bench) median(b *testing.B, query string, times int) float64 {
	b.Helper()
	all := make([]float64, times+1)
	for i := range all {
		var err error
		all[i], err = f.took(query)
		require.NoError(b, err)
	}
	slices.Sort(all[1:])
	return all[1+times/2]
}

// BenchmarkPanels asks what each panel and variable asks, at several ranges, and
// beside it the same of the old importer's table the way its dashboards did: once
// after a warm-up, since that takes seconds.
func BenchmarkPanels(b *testing.B) {
	f := newBench(b, benchReports(b))
	compared := os.Getenv("DASHBOARD_DSN") == "" // with the older importer's table, which takes as long to fill
	if compared {
		f.must(b, oldSQL)
	}
	for _, column := range []string{"src", "dst", "proto", "port"} {
		figures(b, "variable/"+column, func(b *testing.B) (float64, float64) {
			now := f.median(b, fmt.Sprintf(`SELECT vpn_traffic_values('%s', now() - interval '1 day', now())`, column), 5)
			if !compared {
				return now, 0
			}
			return now, f.median(b, `SELECT DISTINCT `+column+` FROM old.vpn_traffic`, 1)
		})
	}
	old := map[string]float64{}
	compare := func(b *testing.B, query string, v view, step time.Duration) (now, before float64) {
		if !compared || !call.MatchString(query) {
			return f.median(b, query, 5), 0 // the old dashboards had nothing like it
		}
		text := likeBefore(query, v, step)
		if old[text] == 0 {
			old[text] = f.median(b, text, 1)
		}
		return f.median(b, query, 5), old[text]
	}
	for _, span := range []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 15 * time.Hour} {
		if f.end.Add(-span).Before(f.begin) {
			continue
		}
		v := view{from: f.end.Add(-span), to: f.end}
		for _, name := range []string{"now", "connections", "explore", "team", "groups", "pair"} {
			d := load(b, "postgres/"+name+".json")
			for _, p := range d.Panels {
				for n, target := range p.Targets {
					query := v.sql(b, d, target["rawSql"].(string), v.interval(p))
					figures(b, fmt.Sprintf("%s/%s/%s#%d", span, name, p.Title, n), func(b *testing.B) (float64, float64) {
						return compare(b, query, v, v.interval(p))
					})
				}
			}
		}
		figures(b, fmt.Sprintf("%s/now/all", span), func(b *testing.B) (whole, _ float64) {
			d := load(b, "postgres/now.json")
			for _, p := range d.Panels {
				for _, target := range p.Targets {
					whole += f.median(b, v.sql(b, d, target["rawSql"].(string), v.interval(p)), 5)
				}
			}
			return whole, 0
		})
		d := load(b, "postgres/pair.json")
		v.chosen = map[string][]string{"src": {"10.32.3.0"}, "dst": {"10.33.7.0"}}
		p := d.Panels[slices.IndexFunc(d.Panels, func(p *panel) bool { return p.Title == "Throughput" })]
		query := v.sql(b, d, p.Targets[0]["rawSql"].(string), v.interval(p))
		figures(b, fmt.Sprintf("%s/a pair/%s", span, p.Title), func(b *testing.B) (float64, float64) {
			return compare(b, query, v, v.interval(p))
		})
	}
}

// figures runs a benchmark that gives what measure returns, which the framework
// must not ask for again, instead of the time per operation.
func figures(b *testing.B, name string, measure func(b *testing.B) (now, before float64)) {
	b.Helper()
	var now, before float64
	b.Run(name, func(b *testing.B) {
		if now == 0 {
			now, before = measure(b)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(now, "ms")
		if before > 0 {
			b.ReportMetric(before, "ms-before")
			b.ReportMetric(before/now, "times")
		}
	})
}

var call = regexp.MustCompile(`vpn_traffic_(series|totals|pairs)\('[^']*', '[^']*'(?:, '[^']*', '(\w*)'|, '(\w+)')?`)

// likeBefore is what the old dashboards would have asked: sums over the rows
// themselves, with no limit but the range and the chosen pair.
func likeBefore(query string, v view, step time.Duration) string {
	parts := call.FindStringSubmatch(query)
	by := map[string]string{"src": "src", "dst": "dst", "service": "proto, port"}[parts[2]+parts[3]]
	columns := []string{}
	switch parts[1] {
	case "series":
		columns = append(columns, fmt.Sprintf("floor(extract(epoch from time)/%[1]v)*%[1]v", step.Seconds()))
	case "pairs":
		by = "src, dst"
	}
	if by != "" {
		columns = append(columns, by)
	}
	where := fmt.Sprintf("time BETWEEN '%s' AND '%s'", v.from.Format(time.RFC3339), v.to.Format(time.RFC3339))
	for _, column := range []string{"src", "dst"} {
		if values := v.chosen[column]; values != nil {
			where += fmt.Sprintf(" AND %s IN ('%s')", column, values[0])
		}
	}
	keys := strings.Join(columns, ", ")
	return fmt.Sprintf(`SELECT %[1]s, sum(src_bytes), sum(dst_bytes) FROM old.vpn_traffic WHERE %[2]s GROUP BY %[1]s ORDER BY %[1]s`, keys, where)
}

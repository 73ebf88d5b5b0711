package main

import (
	_ "embed"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

//go:embed testdata/fill_long.sql
var fillLongSQL string

// BenchmarkLong asks what each panel asks of many days, of which only the sums of hours,
// days and months are left: 30, or as many as DASHBOARD_DAYS says. Pairs have sums of the
// hours of 30 days at most. Whole days are the best case: "crooked" begins and ends amid one.
func BenchmarkLong(b *testing.B) {
	days := testkit.Number(b, "DASHBOARD_DAYS", 30)
	pg := testkit.Postgres(b, "shared_buffers=1GB", "max_wal_size=4GB", "maintenance_work_mem=512MB", "max_parallel_workers_per_gather=0")
	sink, err := store.Open(pg.DSN())
	require.NoError(b, err)
	b.Cleanup(func() { _ = sink.Close() })
	require.NoError(b, sink.Migrate(b.Context()))
	end := time.Now().UTC().Truncate(24 * time.Hour)
	f := &bench{sink: sink, db: pg.DB(), begin: end.AddDate(0, 0, -days), end: end}
	f.must(b, fillLongSQL)
	f.must(b, `SELECT fill_days($1, $2, least($2, 30))`, end, days)
	f.must(b, `VACUUM ANALYZE`)
	chosen := map[string][]string{"before": {"no"}}
	for ends, v := range map[string]view{
		"whole":   {f.begin, end, chosen},
		"crooked": {f.begin.Add(11*time.Hour + 7*time.Minute), end.Add(-13*time.Hour - 7*time.Minute), chosen},
	} {
		for _, name := range []string{"connections", "groups", "pair"} {
			d := load(b, "postgres/"+name+".json")
			for _, p := range d.Panels {
				for n, target := range p.Targets {
					query := v.sql(b, d, target["rawSql"].(string), v.interval(p))
					figures(b, fmt.Sprintf("%dd/%s/%s/%s#%d", days, ends, name, p.Title, n), func(b *testing.B) (float64, float64) {
						return f.median(b, query, 3), 0
					})
				}
			}
		}
	}
}

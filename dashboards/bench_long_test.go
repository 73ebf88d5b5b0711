package main

import (
	_ "embed"
	"fmt"
	"testing"
	"time"

	"telegraf-conntrack-accounting/internal/testkit"
)

//go:embed testdata/fill_long.sql
var fillLongSQL string

// BenchmarkLong asks what each panel asks of many days, of which only the sums of hours,
// days and months are left: 30, or as many as DASHBOARD_DAYS says. Pairs have sums of the
// hours of 30 days at most. Whole days are the best case: "crooked" begins and ends amid one.
func BenchmarkLong(b *testing.B) {
	days := testkit.Number(b, "DASHBOARD_DAYS", 30)
	f := openBench(b)
	if !f.filled(b, 24*time.Hour) {
		f.end = time.Now().UTC().Truncate(24 * time.Hour)
		f.begin = f.end.AddDate(0, 0, -days)
		f.must(b, fillLongSQL)
		f.must(b, `SELECT fill_days($1, $2, least($2, 30))`, f.end, days)
		f.must(b, `VACUUM ANALYZE`)
	}
	chosen := map[string][]string{"before": {"no"}}
	for ends, v := range map[string]view{
		"whole":   {f.begin, f.end, chosen},
		"crooked": {f.begin.Add(11*time.Hour + 7*time.Minute), f.end.Add(-13*time.Hour - 7*time.Minute), chosen},
	} {
		for _, name := range []string{"connections", "groups", "pair"} {
			d := load(b, "postgres/"+name+".json")
			for _, p := range d.Panels {
				for n, target := range p.Targets {
					query := v.sql(b, d, target["rawSql"].(string), v.interval(p))
					figures(b, fmt.Sprintf("%.0fd/%s/%s/%s#%d", f.end.Sub(f.begin).Hours()/24, ends, name, p.Title, n), func(b *testing.B) (float64, float64) {
						return f.median(b, query, 3), 0
					})
				}
			}
		}
	}
}

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkAlerts asks what each rule for Postgres asks, and how long it takes of the
// dashboard Now over an hour. As alerts are about the day before, too, one more hour is
// filled.
func BenchmarkAlerts(b *testing.B) {
	f := newBench(b, benchReports(b))
	now := f.end.Add(-time.Second)
	yesterday := now.Add(-24 * time.Hour).Truncate(time.Hour)
	if yesterday.Before(f.begin) {
		f.must(b, `SELECT fill_hour($1, 240)`, yesterday)
		f.must(b, `VACUUM ANALYZE`)
	}
	v, d, whole := view{from: now.Add(-time.Hour), to: now}, load(b, "postgres/now.json"), 0.0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			whole += f.median(b, v.sql(b, d, target["rawSql"].(string), v.interval(p)), 3)
		}
	}
	for _, rule := range rulesOf(b, "conntrack-accounting-postgres.yaml") {
		query := rule.view(now).sql(b, &dashboard{}, rule.Data[0].Model.text(), time.Minute)
		b.Run(rule.UID, func(b *testing.B) {
			took := f.median(b, query, 5)
			require.NotZero(b, took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took, "ms")
			b.ReportMetric(took/whole, "of-now")
		})
	}
}

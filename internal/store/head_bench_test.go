package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkHead asks a head with three shards what panels ask, and one database with the
// rows of all: the metric "of one" is the time of the head in that of the database.
func BenchmarkHead(b *testing.B) {
	head, all := testkit.Postgres(b), testkit.Postgres(b)
	reference := openStore(b, all)
	install(b, head)
	for i := range 3 {
		pg := testkit.Postgres(b)
		db := openStore(b, pg)
		for gateway := range 2 {
			rows, host := hourOf(200), fmt.Sprintf("gw%d%d", i, gateway)
			for _, to := range []*store.DB{db, reference} {
				_, err := to.Import(b.Context(), host, rows)
				require.NoError(b, err)
			}
		}
		pg.Exec("ANALYZE")
		head.AddShard(fmt.Sprint("shard", i), pg)
	}
	all.Exec("ANALYZE")
	const hour = `'2023-11-14 12:00Z', '2023-11-14 13:00Z'`
	for name, query := range map[string]string{
		"throughput": `series(` + hour + `, '15 s', measure => 'bytes')`,
		"sources":    `series(` + hour + `, '15 s', 'src', top => 10, measure => 'bytes')`,
		"open":       `series(` + hour + `, '15 s', 'src', top => 10, measure => 'open')`,
		"totals":     `totals(` + hour + `, 'src', top => 10)`,
		"pairs":      `pairs(` + hour + `, top => 20, measure => 'bytes')`,
		"peers":      `peers(` + hour + `, 'src', top => 10)`,
		"values":     `values('src', ` + hour + `)`,
	} {
		b.Run(name, func(b *testing.B) {
			var took [2]time.Duration
			for b.Loop() {
				for n, pg := range []*testkit.PG{head, all} {
					began := time.Now()
					_, err := pg.DB().Exec(`SELECT * FROM vpn_traffic_` + query)
					require.NoError(b, err)
					took[n] += time.Since(began)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took[0].Milliseconds())/float64(b.N), "ms/head")
			b.ReportMetric(float64(took[1].Milliseconds())/float64(b.N), "ms/one")
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "of_one")
		})
	}
}

// hourOf returns an hour of reports with so many series each.
func hourOf(count int) (rows []reportfile.Row) {
	for n := range 240 {
		rows = append(rows, series(noon.Add(time.Duration(n)*15*time.Second), count)...)
	}
	for i := range rows {
		rows[i].Src = fmt.Sprintf("10.32.%d.0", i%50)
	}
	return rows
}

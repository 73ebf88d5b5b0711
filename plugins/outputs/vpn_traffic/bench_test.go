package vpn_traffic

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkReport sends reports of 120,000 rows, of 347 subnets each with all
// others, in batches of 10,000 as Telegraf does, and shows in how many seconds
// after its last batch a report is durable and when it is in vpn_traffic and
// all rollups.
func BenchmarkReport(b *testing.B) {
	const subnets, rows, batch = 347, 120_000, 10_000
	pg := testkit.Postgres(b, "shared_buffers=512MB", "max_wal_size=4GB", "fsync=on")
	v := New()
	v.DSN, v.Spool, v.Log = pg.DSN(), b.TempDir(), execd.NewLogger(&logText{}, &logText{}, false)
	require.NoError(b, v.Init())
	require.NoError(b, v.Connect())
	defer func() { require.NoError(b, v.Close()) }()
	at, total := time.Now().Truncate(time.Hour), 0
	report := func() (list []telegraf.Metric) {
		at = at.Add(15 * time.Second)
		for i := range rows {
			list = append(list, metric.New("conntrack_accounting", map[string]string{
				"host": "gw", "proto": "tcp", "port": "443",
				"src": fmt.Sprintf("10.%d.%d.0", 32+i%subnets/250, i%subnets%250), "dst": fmt.Sprintf("10.%d.%d.0", 64+i/subnets/250, i/subnets%250),
			}, map[string]any{
				"src_packets": int64(i), "src_bytes": int64(i), "dst_packets": int64(i), "dst_bytes": int64(i),
				"connection_count": int64(1), "connection_times": int64(i),
			}, at))
		}
		return list
	}
	db := pg.DB()
	var durable, visible []float64
	for b.Loop() {
		b.StopTimer()
		metrics := report()
		b.StartTimer()
		var last time.Time
		for part := range slices.Chunk(metrics, batch) {
			last = time.Now()
			require.NoError(b, v.Write(part))
		}
		durable = append(durable, time.Since(last).Seconds())
		total += rows
		for stored := 0; stored < total; {
			require.NoError(b, db.QueryRow(`SELECT coalesce(sum(connection_count), 0) FROM vpn_traffic_by_port`).Scan(&stored))
			time.Sleep(10 * time.Millisecond)
		}
		visible = append(visible, time.Since(last).Seconds())
	}
	b.ReportMetric(median(durable), "s-until-durable")
	b.ReportMetric(median(visible), "s-until-visible")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

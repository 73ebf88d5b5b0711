package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkBacklog has psql-sink watch drain a spool that has filled while the
// database was away, and shows how fast the first and the last million rows went
// and the most memory that it had resident. BACKLOG is how many million rows wait,
// 2 unless set, and STORED how many are in the table before, none unless set.
func BenchmarkBacklog(b *testing.B) {
	stored, waiting := 1_000_000*testkit.Number(b, "STORED", 0), 1_000_000*testkit.Number(b, "BACKLOG", 2)
	pg := testkit.Postgres(b, "max_wal_size=8GB", "shared_buffers=1GB")
	at := fillBefore(b, pg.DSN(), stored, time.Unix(0, epoch))
	p := build(b, pg.DSN())
	writeBacklog(b, filepath.Join(p.spool, "new"), waiting, at)

	db := pg.DB()
	watch := p.start(nil, "watch")
	begin := time.Now()
	reached := []time.Duration{0} // when so many million rows had been stored
	for rows := 0; rows < waiting; time.Sleep(50 * time.Millisecond) {
		require.Less(b, time.Since(begin), time.Hour)
		rows = rowsOf(b, db, at)
		for len(reached) <= rows/1_000_000 {
			reached = append(reached, time.Since(begin))
		}
	}
	took, peak := time.Since(begin), resident(watch.Process.Pid)
	end(b, watch)
	last := len(reached) - 1
	b.ReportMetric(float64(waiting)/took.Seconds(), "rows/s")
	b.ReportMetric(1e6/reached[1].Seconds(), "first-rows/s")
	b.ReportMetric(1e6/(reached[last]-reached[last-1]).Seconds(), "last-rows/s")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	b.ReportMetric(0, "ns/op")
}

const backlogSeries = 10_000 // of a report

// fillBefore stores reports of the time before the backlog, ten in a transaction,
// and returns when that one begins.
func fillBefore(b *testing.B, dsn string, count int, at time.Time) time.Time {
	b.Helper()
	db := migrated(b, dsn)
	var rows []reportfile.Row
	for n := range count / backlogSeries {
		for i := range backlogSeries {
			rows = append(rows, *benchRow(at, n, i))
		}
		at = at.Add(15 * time.Second)
		if n%10 == 9 {
			_, err := db.Import(b.Context(), "gw", rows)
			require.NoError(b, err)
			rows = rows[:0]
		}
	}
	return at
}

// writeBacklog writes reports as a sink leaves them in its spool.
func writeBacklog(b *testing.B, folder string, count int, at time.Time) {
	b.Helper()
	require.NoError(b, os.MkdirAll(folder, 0o755))
	for n := range count / backlogSeries {
		name := filepath.Join(folder, reportfile.FileName(at, 1, n, "gw"))
		require.NoError(b, os.WriteFile(name, appendBenchReport(nil, at, n, backlogSeries), 0o600))
		at = at.Add(15 * time.Second)
	}
}

// rowsOf returns how many rows the reports since a time have brought.
func rowsOf(b *testing.B, db *sql.DB, since time.Time) (rows int) {
	b.Helper()
	require.NoError(b, db.QueryRow(`SELECT count(*) * $2 FROM vpn_traffic_reports WHERE time >= $1`, since, backlogSeries).Scan(&rows))
	return rows
}

package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// The history that the benchmark imports, made anew for each round.
const (
	benchReports = 480  // 15 seconds apart: two hours
	benchSeries  = 2500 // of a report
	benchRounds  = 3
	oldRows      = 150_000 // so many of them go the old way, which slows down as its table grows
)

// BenchmarkImportHistory imports a folder of report files with the real
// program, and in the same rounds the same rows with psql's \copy into tables
// without an index, which is the limit: the files as they are into columns that
// take them so, with times as numbers (plain), and what vpn_traffic holds into
// columns like its own (like); and the older importer's way: INSERT of 500 rows
// into a table with a serial key, a unique index and four more. It prints medians.
func BenchmarkImportHistory(b *testing.B) {
	pg := testkit.Postgres(b, "max_wal_size=8GB", "shared_buffers=256MB")
	program := testkit.Binary(b, "telegraf-conntrack-accounting/cmd/psql-sink")
	old := newOldImporter(b, pg.DB())
	createPlain(b, pg.DB())
	held := filepath.Join(b.TempDir(), "held")
	rates := make(map[string][]float64)
	measure := func(name string, rows int, run func()) {
		begin := time.Now()
		run()
		rates[name] = append(rates[name], float64(rows)/time.Since(begin).Seconds())
	}
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20) // younger than the retention
	for round := range benchRounds {
		const rows = benchReports * benchSeries
		var whole string
		for _, jobs := range []string{"1", "2", "4"} { // each fills a day of its own
			folder := b.TempDir()
			whole = writeHistory(b, folder, day)
			day = day.AddDate(0, 0, 1)
			measure("import-jobs-"+jobs, rows, func() {
				run(b, importWith(program, pg, "-jobs", jobs, "-host", "gw"+jobs, folder))
			})
		}
		measure("copy-plain", rows, func() { pg.Psql(nil, "-c", `\copy plain FROM '`+whole+`' CSV`) })
		if round == 0 {
			pg.Psql(nil, "-c", "CREATE TABLE copied (LIKE vpn_traffic)", "-c", `\copy (SELECT * FROM vpn_traffic WHERE host = 'gw1') TO '`+held+`'`)
		}
		measure("copy-like", rows, func() { pg.Psql(nil, "-c", `\copy copied FROM '`+held+`'`) })
		measure("old", oldRows, func() { old.load(b, whole, oldRows) })
	}
	median := make(map[string]float64)
	for name, all := range rates {
		slices.Sort(all)
		median[name] = all[len(all)/2]
		b.ReportMetric(median[name], name+"-rows/s")
	}
	best := max(median["import-jobs-1"], median["import-jobs-2"], median["import-jobs-4"])
	b.ReportMetric(best/median["old"], "x-old")
	b.ReportMetric(best/median["copy-plain"], "x-copy-plain")
	b.ReportMetric(best/median["copy-like"], "x-copy-like")
	b.ReportMetric(best/median["import-jobs-1"], "x-one-job")
	b.ReportMetric(0, "ns/op")
}

func importWith(program string, pg *testkit.PG, args ...string) *exec.Cmd {
	cmd := exec.Command(program, append([]string{"import"}, args...)...)
	cmd.Env = append(os.Environ(), "PGHOST="+pg.Dir(), "PGDATABASE=vpn", "PGUSER=postgres", "PGSSLMODE=disable")
	return cmd
}

func run(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	b.Logf("%s: %s", strings.Join(cmd.Args[1:], " "), out)
}

// writeHistory writes a file for each report into a folder, and one file of
// them all, whose name it returns.
func writeHistory(b *testing.B, folder string, from time.Time) (whole string) {
	b.Helper()
	whole = filepath.Join(b.TempDir(), "whole.csv")
	all, err := os.Create(whole)
	require.NoError(b, err)
	var text []byte
	for n := range benchReports {
		at := from.Add(time.Duration(n) * 15 * time.Second)
		text = appendBenchReport(text[:0], at, n, benchSeries)
		require.NoError(b, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.csv", at.Unix())), text, 0o644))
		_, err := all.Write(text)
		require.NoError(b, err)
	}
	require.NoError(b, all.Close())
	return whole
}

// appendBenchReport appends the lines of a report: so many benchRows.
func appendBenchReport(text []byte, at time.Time, n, rows int) []byte {
	for i := range rows {
		text = reportfile.Append(text, benchRow(at, n, i))
	}
	return text
}

// benchRow is the row of a series in a report: 120 teams talk to 90 others, on
// a handful of ports.
func benchRow(at time.Time, n, i int) *reportfile.Row {
	ports := [...]int32{443, 80, 53, 22, -1}
	v := int64(n*7919 + i*104729)
	return &reportfile.Row{
		Time: at.UnixNano(), Proto: []string{"tcp", "udp"}[i%2], Port: ports[i%len(ports)],
		Src: fmt.Sprintf("10.32.%d.0", i%120), Dst: fmt.Sprintf("10.33.%d.0", (i/120+n)%90),
		SrcPackets: 1 + v%5000, SrcBytes: 60 + v%4_000_000, DstPackets: 1 + v%7000, DstBytes: 60 + v%9_000_000,
		ConnectionCount: v % 40, ConnectionTimes: v % 100_000, OpenConnections: v % 12, HasOpen: true,
	}
}

func createPlain(b *testing.B, db *sql.DB) {
	b.Helper()
	_, err := db.Exec(`CREATE TABLE plain (time_ns bigint, proto text, src text, dst text, port int, src_packets bigint,
		dst_packets bigint, src_bytes bigint, dst_bytes bigint, connection_count bigint, connection_times bigint, open_connections bigint)`)
	require.NoError(b, err)
}

// oldImporter inserts as the older importer did.
type oldImporter struct {
	db     *sql.DB
	insert *sql.Stmt
	args   []any
}

const (
	oldBatch   = 500
	oldColumns = 12
)

func newOldImporter(b *testing.B, db *sql.DB) *oldImporter {
	b.Helper()
	_, err := db.Exec(`CREATE TABLE old_traffic (id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16),
			proto varchar(4), port int, src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint,
			connection_times int, connection_count int, open_connections int, UNIQUE (time, src, dst, proto, port));
		CREATE INDEX ON old_traffic (time); CREATE INDEX ON old_traffic (src);
		CREATE INDEX ON old_traffic (dst); CREATE INDEX ON old_traffic (port)`)
	require.NoError(b, err)
	var values []string
	for row := range oldBatch {
		var places []string
		for column := range oldColumns {
			places = append(places, fmt.Sprintf("$%d", row*oldColumns+column+1))
		}
		values = append(values, "("+strings.Join(places, ",")+")")
	}
	insert, err := db.Prepare(`INSERT INTO old_traffic (time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes,
		connection_times, connection_count, open_connections) VALUES ` + strings.Join(values, ",") + ` ON CONFLICT DO NOTHING`)
	require.NoError(b, err)
	return &oldImporter{db: db, insert: insert}
}

func (o *oldImporter) load(b *testing.B, path string, rows int) {
	b.Helper()
	file, err := os.Open(path)
	require.NoError(b, err)
	defer func() { _ = file.Close() }()
	in := reportfile.NewReader(bufio.NewReader(file))
	for range rows / oldBatch {
		o.args = o.args[:0]
		for range oldBatch {
			var r reportfile.Row
			require.NoError(b, in.Read(&r))
			o.args = append(o.args, time.Unix(0, r.Time), r.Src, r.Dst, r.Proto, r.Port, r.SrcPackets, r.SrcBytes,
				r.DstPackets, r.DstBytes, r.ConnectionTimes, r.ConnectionCount, r.OpenConnections)
		}
		_, err := o.insert.Exec(o.args...)
		require.NoError(b, err)
	}
}

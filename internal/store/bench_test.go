package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

const benchRows = 50_000 // of a report

// BenchmarkImport shows rows/s of whole reports, of reports in four parts, and
// of reports that are there already; and, as the limit, of psql's \copy of the
// same rows into a table without an index.
func BenchmarkImport(b *testing.B) {
	pg := testkit.Postgres(b)
	db, err := store.Open(pg.DSN())
	require.NoError(b, err)
	defer func() { _ = db.Close() }()
	require.NoError(b, db.Migrate(b.Context()))

	at := noon
	next := func() []reportfile.Row {
		at = at.Add(15 * time.Second)
		return series(at, benchRows)
	}
	measure := func(name string, prepare func() []reportfile.Row, run func(b *testing.B, rows []reportfile.Row)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				b.StopTimer()
				rows := prepare()
				b.StartTimer()
				run(b, rows)
				n += len(rows)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	load := func(b *testing.B, rows []reportfile.Row) {
		_, err := db.Import(b.Context(), "gw", rows)
		require.NoError(b, err)
	}
	measure("whole", next, load)
	measure("parts", next, func(b *testing.B, rows []reportfile.Row) {
		for i := range 4 {
			load(b, rows[i*benchRows/4:(i+1)*benchRows/4])
		}
	})
	last := next()
	load(b, last)
	measure("again", func() []reportfile.Row { return last }, load)
	file := filepath.Join(b.TempDir(), "rows.csv")
	plain := benchTable(b, pg.DB())
	measure("psql", func() []reportfile.Row { return writeCSV(b, file, next()) }, func(_ *testing.B, _ []reportfile.Row) {
		pg.Psql(nil, "-c", `\copy `+plain+` FROM '`+file+`' CSV`)
	})
}

func benchTable(b *testing.B, db *sql.DB) string {
	b.Helper()
	_, err := db.Exec(`CREATE TABLE plain (time_ns bigint, proto text, src text, dst text, port int, src_packets bigint,
		dst_packets bigint, src_bytes bigint, dst_bytes bigint, connection_count bigint, connection_times bigint, open_connections bigint)`)
	require.NoError(b, err)
	return "plain"
}

func writeCSV(b *testing.B, file string, rows []reportfile.Row) []reportfile.Row {
	b.Helper()
	var text []byte
	for i := range rows {
		text = reportfile.Append(text, &rows[i])
	}
	require.NoError(b, os.WriteFile(file, text, 0o644))
	return rows
}

package store_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// game is a network of 120 subnets that play against each other over seven
// services: of all 100,000 series, a report has a tenth.
type game struct{ random *rand.Rand }

const (
	gameSubnets = 120
	gameRows    = 9_900 // of a report
)

var gameServices = [...]struct {
	proto string
	port  int32
}{{"tcp", 22}, {"tcp", 80}, {"tcp", 443}, {"tcp", 3000}, {"tcp", 8080}, {"tcp", -1}, {"udp", -1}}

// report appends the rows of one report.
func (g *game) report(rows []reportfile.Row, at time.Time) []reportfile.Row {
	for range gameRows {
		service := gameServices[g.random.IntN(len(gameServices))]
		packets := g.random.Int64N(1000)
		rows = append(rows, reportfile.Row{
			Time: at.UnixNano(), Proto: service.proto, Port: service.port,
			Src: fmt.Sprintf("10.32.%d.0", g.random.IntN(gameSubnets)), Dst: fmt.Sprintf("10.33.%d.0", g.random.IntN(gameSubnets)),
			SrcPackets: packets, SrcBytes: packets * 90, DstPackets: packets + 3, DstBytes: packets * 700,
			ConnectionCount: packets / 20, ConnectionTimes: packets * 17, OpenConnections: packets / 50, HasOpen: true,
		})
	}
	return rows
}

// BenchmarkScale fills the database with reports of a game, one every 15
// seconds, and shows rows/s at the beginning and at the end, and bytes per row
// of all tables and indexes; and beside it those of the old importer's table and
// indexes with the first million of these rows. SCALE=36 fills 36 million rows.
func BenchmarkScale(b *testing.B) {
	millions, err := strconv.Atoi(os.Getenv("SCALE"))
	if err != nil {
		millions = 2
	}
	pg := testkit.Postgres(b, "max_wal_size=8GB", "shared_buffers=1GB")
	db, err := store.Open(pg.DSN())
	require.NoError(b, err)
	defer func() { _ = db.Close() }()
	require.NoError(b, db.Migrate(b.Context()))
	g := &game{rand.New(rand.NewPCG(1, 1))}
	at, rows, total := noon, []reportfile.Row(nil), 0
	var rates []float64
	for b.Loop() {
		for total < millions*1_000_000 {
			var busy time.Duration
			million := 0
			for million < 1_000_000 {
				rows = rows[:0]
				for range 10 {
					rows, at = g.report(rows, at), at.Add(15*time.Second)
				}
				begin := time.Now()
				_, err := db.Import(b.Context(), "gw", rows)
				busy += time.Since(begin)
				require.NoError(b, err)
				million += len(rows)
			}
			total += million
			rates = append(rates, float64(million)/busy.Seconds())
		}
	}
	var stored, bytes float64
	require.NoError(b, pg.DB().QueryRow(`SELECT (SELECT count(*) FROM vpn_traffic),
		sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = 'public' AND relkind = 'r'`).Scan(&stored, &bytes))
	b.ReportMetric(rates[0], "first-rows/s")
	b.ReportMetric(rates[len(rates)-1], "last-rows/s")
	old := oldBytesPerRow(b, pg.DB())
	b.ReportMetric(bytes/stored, "bytes/row")
	b.ReportMetric(old, "old-bytes/row")
	b.ReportMetric(bytes/stored/old, "x-old-bytes")
	b.ReportMetric(0, "ns/op")
	b.Log(pg.Psql(nil, "-c", `SELECT regexp_replace(relname, '_[0-9]+$', '') AS name, sum(pg_table_size(c.oid)) AS table_bytes, sum(pg_indexes_size(c.oid)) AS index_bytes
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relkind = 'r' GROUP BY 1 ORDER BY 2 DESC LIMIT 20`))
}

// oldBytesPerRow makes the old table, with the indexes that its dashboards had
// added, in the order of time.
func oldBytesPerRow(b *testing.B, db *sql.DB) (bytes float64) {
	b.Helper()
	for _, statement := range []string{
		`CREATE SCHEMA old`,
		strings.Replace(oldTable, "vpn_traffic", "old.vpn_traffic", 1),
		`CREATE INDEX ON old.vpn_traffic (time)`, `CREATE INDEX ON old.vpn_traffic (src)`,
		`CREATE INDEX ON old.vpn_traffic (dst)`, `CREATE INDEX ON old.vpn_traffic (port)`,
		`INSERT INTO old.vpn_traffic (time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes,
			connection_times, connection_count, open_connections)
			SELECT time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes,
			connection_times, connection_count, open_connections FROM vpn_traffic ORDER BY time LIMIT 1000000`,
	} {
		_, err := db.Exec(statement)
		require.NoError(b, err, statement)
	}
	require.NoError(b, db.QueryRow(`SELECT pg_total_relation_size('old.vpn_traffic') / (SELECT count(*) FROM old.vpn_traffic)::float`).Scan(&bytes))
	return bytes
}

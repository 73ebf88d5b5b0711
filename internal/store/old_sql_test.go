package store_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// The table of the old importer.
const oldTable = `CREATE TABLE vpn_traffic (
	id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
	src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint,
	connection_times int, connection_count int, open_connections int,
	UNIQUE (time, src, dst, proto, port))`

// Queries of the kinds that dashboards asked it. They have to give the very same
// numbers, to the last digit, on the same rows.
var oldQueries = map[string]string{
	"throughput": `SELECT time, sum(src_bytes + dst_bytes) * 8 / 15 FROM vpn_traffic
		WHERE time BETWEEN '2023-11-14 12:00Z' AND '2023-11-14 12:30Z' GROUP BY time ORDER BY time`,
	"packets per minute": `SELECT date_trunc('minute', time) AS "at", sum(src_packets), sum(dst_packets)
		FROM vpn_traffic GROUP BY 1 ORDER BY 1`,
	"by epoch": `SELECT floor(extract(epoch FROM time) / 300) * 300 AS "bucket", src, sum(src_bytes) AS "value"
		FROM vpn_traffic WHERE extract(epoch FROM time) >= 1699963200 GROUP BY 1, 2 ORDER BY 1, 2`,
	"top talkers": `SELECT src, sum(src_bytes + dst_bytes) / 1024.0 / 1024.0 AS mib FROM vpn_traffic
		GROUP BY src ORDER BY mib DESC, src LIMIT 5`,
	"pairs": `SELECT src || ' - ' || dst AS pair, count(*), max(dst_bytes), min(src_packets) FROM vpn_traffic
		WHERE port <> -1 GROUP BY src, dst HAVING sum(dst_bytes) > 1000 ORDER BY pair`,
	"one pair": `SELECT time, src_bytes, dst_bytes FROM vpn_traffic
		WHERE src IN ('10.32.1.0', '10.32.2.0') AND dst = '10.33.3.0' AND proto = 'tcp' ORDER BY time, port, src`,
	"ports": `SELECT CASE WHEN port = -1 THEN 'other' ELSE proto || '/' || port END AS service,
		sum(connection_count), round(avg(connection_times), 3) FROM vpn_traffic GROUP BY 1 ORDER BY 1`,
	"open connections": `SELECT time, sum(open_connections), max(open_connections), avg(open_connections), count(open_connections)
		FROM vpn_traffic GROUP BY time ORDER BY time`,
	"mean open connections": `SELECT dst, sum(open_connections) / count(DISTINCT time) FROM vpn_traffic GROUP BY dst ORDER BY dst`,
	"mean lifetime": `SELECT src, round(sum(connection_times)::numeric / nullif(sum(connection_count), 0), 2)
		FROM vpn_traffic GROUP BY src ORDER BY src`,
	"lifetimes": `SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY connection_times), stddev(connection_times), sum(connection_times / 1000)
		FROM vpn_traffic`,
	"sources":  `SELECT DISTINCT src FROM vpn_traffic WHERE time > '2023-11-14 12:10Z' ORDER BY src`,
	"services": `SELECT DISTINCT port, proto FROM vpn_traffic ORDER BY port, proto`,
	"subnets": `SELECT set_masklen(src::inet, 16)::cidr, sum(dst_bytes) FROM vpn_traffic
		WHERE dst::inet << '10.33.0.0/22' GROUP BY 1 ORDER BY 1`,
	"like":    `SELECT count(*), sum(length(src)) FROM vpn_traffic WHERE dst LIKE '10.33.%' AND src NOT LIKE '%.1.0' AND upper(proto) <> 'ICMP'`,
	"extents": `SELECT min(time), max(time), count(*), count(DISTINCT src), count(DISTINCT time) FROM vpn_traffic`,
	"growth": `SELECT time, bytes - lag(bytes) OVER (ORDER BY time), rank() OVER (ORDER BY bytes DESC)
		FROM (SELECT time, sum(src_bytes) AS bytes FROM vpn_traffic GROUP BY time) AS t ORDER BY time`,
	"local time": `SELECT extract(hour FROM time AT TIME ZONE 'Europe/Berlin'), sum(src_packets) FROM vpn_traffic GROUP BY 1 ORDER BY 1`,
	"a row":      `SELECT time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections FROM vpn_traffic ORDER BY 1, 2, 3, 4, 5`,
}

// connection_times was an integer, whose sum is bigint and the quotients of that
// whole numbers, rounded down. Sums of bigint are numeric, with decimals.
var wholeQuotients = map[string]string{
	"mean lifetime": `SELECT %s(sum(connection_times) / sum(connection_count)) FROM vpn_traffic WHERE connection_count > 0 GROUP BY src ORDER BY src`,
	"seconds":       `SELECT %s(sum(connection_times) / 1000) FROM vpn_traffic GROUP BY port ORDER BY port`,
}

func TestOldSQLGivesTheSameNumbers(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	db, now := freshOn(t, pg)
	pg.Exec("CREATE SCHEMA old")
	old, err := sql.Open("postgres", pg.DSN()+" search_path=old")
	require.NoError(t, err)
	defer func() { require.NoError(t, old.Close()) }()
	_, err = old.Exec(oldTable)
	require.NoError(t, err)

	rows := oldRows(rand.New(rand.NewPCG(20231118, 0)))
	insertOld(t, old, rows)
	for i := 0; i < len(rows); i += 700 {
		mustImport(t, db, "", rows[i:min(len(rows), i+900)]) // parts, some rows of which come again
	}
	for name, text := range oldQueries {
		t.Run(name, func(t *testing.T) {
			want := answer(t, old, text)
			require.NotEmpty(t, want)
			require.Equal(t, want, answer(t, now, text))
		})
	}
	for name, text := range wholeQuotients {
		t.Run("whole "+name, func(t *testing.T) {
			require.Equal(t, answer(t, old, fmt.Sprintf(text, "")), answer(t, now, fmt.Sprintf(text, "trunc")))
		})
	}
}

// oldRows are what the old table can hold: short texts and 32 bits.
func oldRows(r *rand.Rand) (rows []reportfile.Row) {
	for n := range 120 {
		at := noon.Add(time.Duration(n) * 15 * time.Second)
		for src := range 6 {
			for dst := range 5 {
				if r.IntN(3) == 0 {
					continue
				}
				row := reportfile.Row{
					Time: at.UnixNano(), Proto: []string{"tcp", "udp", "icmp"}[r.IntN(3)], Port: []int32{-1, 22, 443, 8080}[r.IntN(4)],
					Src: fmt.Sprintf("10.32.%d.0", src), Dst: fmt.Sprintf("10.33.%d.0", dst),
					SrcPackets: r.Int64N(1e6), SrcBytes: r.Int64N(1e12), DstPackets: r.Int64N(1e6), DstBytes: r.Int64N(1e12),
					ConnectionCount: r.Int64N(50), ConnectionTimes: r.Int64N(1e9),
				}
				if row.HasOpen = r.IntN(4) > 0; row.HasOpen {
					row.OpenConnections = r.Int64N(200)
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func insertOld(t *testing.T, old *sql.DB, rows []reportfile.Row) {
	t.Helper()
	tx, err := old.Begin()
	require.NoError(t, err)
	insert, err := tx.Prepare(`INSERT INTO vpn_traffic (time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes,
		connection_times, connection_count, open_connections) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`)
	require.NoError(t, err)
	for _, row := range rows {
		_, err := insert.Exec(time.Unix(0, row.Time), row.Src, row.Dst, row.Proto, row.Port, row.SrcPackets, row.SrcBytes,
			row.DstPackets, row.DstBytes, row.ConnectionTimes, row.ConnectionCount, sql.NullInt64{Int64: row.OpenConnections, Valid: row.HasOpen})
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// answer returns what psql would show of a query's rows.
func answer(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	rows, err := db.Query(text)
	require.NoError(t, err, text)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var all strings.Builder
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		for _, value := range values {
			all.WriteString(pq.QuoteLiteral(value.String) + "\t")
		}
		all.WriteByte('\n')
	}
	require.NoError(t, rows.Err())
	return all.String()
}

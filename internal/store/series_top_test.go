package store_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The top lines of a series, and all others together, are the lines of all names, added up:
// in whatever steps, of whatever tables, and of gateways that do not all tell the gauge.
func TestTopLinesAreThoseOfAllNames(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	first := noon.Truncate(aDay)
	r := rand.New(rand.NewPCG(7, 0))
	for _, host := range []string{"gw1", "gw2", "never"} {
		rows := scattered(r, first, 3, 400)
		for i := range rows {
			if host == "never" {
				rows[i].HasOpen, rows[i].OpenConnections = false, 0
			}
		}
		mustImport(t, db, host, rows)
	}
	sumUp(t, db)
	for _, by := range []string{"", "src", "dst", "proto", "service", "host", "pair"} {
		for _, step := range []string{"15 s", "1 m", "1 h", "1 day", "2 days"} {
			span := 3 * aDay
			if step == "15 s" {
				span = time.Hour
			}
			for _, measure := range []string{"all", "open", "bytes"} {
				require.Equal(t, "", query(t, direct, `
					WITH every AS (SELECT * FROM vpn_traffic_series($1, $2, $3, $4, measure => $5) WHERE seconds IS NOT NULL),
					top AS (SELECT * FROM vpn_traffic_series($1, $2, $3, $4, top => 2, measure => $5) WHERE seconds IS NOT NULL),
					sums AS (SELECT time, coalesce(l.key, 'all others') AS key, sum(src_bytes) AS src_bytes, sum(dst_packets) AS dst_packets,
						sum(connection_count) AS connection_count, sum(open_connections) AS open_connections
						FROM every LEFT JOIN (SELECT DISTINCT key FROM top WHERE key <> 'all others') AS l USING (key) GROUP BY 1, 2)
					SELECT coalesce(string_agg(concat_ws(' ', time, key, t.open_connections, s.open_connections), ';'), '') FROM top AS t FULL JOIN sums AS s USING (time, key)
					WHERE (t.src_bytes, t.dst_packets, t.connection_count) IS DISTINCT FROM (s.src_bytes, s.dst_packets, s.connection_count)
						OR round(coalesce(t.open_connections, -1) - coalesce(s.open_connections, -1), 6) <> 0`,
					first, first.Add(span), step, by, measure), "by %s in steps of %s, %s", by, step, measure)
			}
		}
	}
	require.Equal(t, "10", query(t, direct, `SELECT count(*) FROM (SELECT DISTINCT time FROM vpn_traffic_series($1, $2, '1 h', 'src', top => 2, measure => 'open')
		WHERE open_connections > 0 LIMIT 10) AS s`, first, first.AddDate(0, 0, 3)), "there is something to compare")
}

// Whether rows are summed up before their gauge is averaged or after it, thirds of an open
// connection are whole ones in the end.
func TestSumsOfThirdsAreWhole(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	hour := noon.Truncate(time.Hour)
	for n := range 3 {
		rows := series(hour.Add(time.Duration(n)*time.Minute), 3)
		for i := range rows { // ports of one source
			rows[i].Time, rows[i].Src, rows[i].Port = rows[0].Time, "10.32.1.0", int32(i)
			rows[i].HasOpen, rows[i].OpenConnections = true, 10*int64((n+2)/3)
		}
		mustImport(t, db, "gw", rows)
	}
	for _, top := range []string{"NULL", "1"} {
		for _, filter := range []string{"NULL", "'{0, 1, 2}'"} {
			require.Equal(t, "20", query(t, direct, `SELECT string_agg(DISTINCT open_connections::text, ' ')
				FROM vpn_traffic_series($1, $2, '1 h', 'src', port => `+filter+`, top => `+top+`, measure => 'open') WHERE seconds IS NOT NULL`,
				hour, hour.Add(time.Hour)), "top %s, ports %s", top, filter)
		}
	}
	for _, host := range []string{"gw1", "gw2", "gw3"} { // a third each
		rows := series(hour.Add(2*time.Hour), 1)
		rows[0].HasOpen, rows[0].OpenConnections = true, 1
		mustImport(t, db, host, rows)
		for n := range 2 {
			rows[0].Time, rows[0].OpenConnections = hour.Add(2*time.Hour+time.Duration(n+1)*time.Minute).UnixNano(), 0
			mustImport(t, db, host, rows)
		}
	}
	for _, call := range []string{"totals($1, $2, measure => 'open')", "pairs($1, $2, measure => 'open')", "series($1, $2, '1 h', measure => 'open')"} {
		require.Equal(t, "1", query(t, direct, `SELECT max(open_connections) FROM vpn_traffic_`+call, hour.Add(2*time.Hour), hour.Add(3*time.Hour)), call)
	}
}

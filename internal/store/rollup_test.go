package store_test

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
)

var (
	beginning = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	end       = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// requireRollups requires that all rollups are what the rows add up to.
func requireRollups(t *testing.T, db *store.DB) {
	t.Helper()
	require.Empty(t, differences(t, db, false))
}

func differences(t *testing.T, db *store.DB, repair bool) (all []store.Difference) {
	t.Helper()
	days, err := db.Days(t.Context(), beginning, end)
	require.NoError(t, err)
	require.NotEmpty(t, days, "nothing to verify proves nothing")
	for _, day := range days {
		found, err := db.Verify(t.Context(), day, repair)
		require.NoError(t, err)
		all = append(all, found...)
	}
	units, err := db.Units(t.Context(), beginning, end)
	require.NoError(t, err)
	for _, unit := range units {
		found, err := db.VerifyUnit(t.Context(), unit, repair)
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

// random returns rows of a few reports, of few keys, so that they meet often.
func random(r *rand.Rand, n int) []reportfile.Row {
	rows := make([]reportfile.Row, n)
	for i := range rows {
		at := noon.Add(time.Duration(r.IntN(1200)) * 15 * time.Second).Add(9 * time.Hour) // into the next day
		rows[i] = reportfile.Row{
			Time: at.UnixNano(), Proto: []string{"tcp", "udp"}[r.IntN(2)], Port: int32(r.IntN(3)) - 1,
			Src: fmt.Sprintf("10.32.%d.0", r.IntN(4)), Dst: fmt.Sprintf("10.33.%d.0", r.IntN(4)),
			SrcPackets: r.Int64N(100), SrcBytes: r.Int64N(1e9), DstPackets: r.Int64N(100), DstBytes: r.Int64N(1e9),
			ConnectionCount: r.Int64N(3), ConnectionTimes: r.Int64N(1e5), OpenConnections: r.Int64N(5), HasOpen: r.IntN(3) > 0,
		}
		if !rows[i].HasOpen {
			rows[i].OpenConnections = 0
		}
	}
	return rows
}

// Parts, repeats and late rows in any order: the rollups are the sums of what
// is in vpn_traffic.
func testRollups(t *testing.T, db *store.DB, direct *sql.DB) {
	r := rand.New(rand.NewPCG(20231114, 0))
	rows := random(r, 5000)
	for range 25 {
		from := r.IntN(len(rows))
		part := rows[from:min(len(rows), from+r.IntN(700)+1)]
		mustImport(t, db, []string{"", "gw1", `g\w,2`}[r.IntN(3)], part)
	}
	requireRollups(t, db)
	// Not only consistent with each other: the same sums, counted in another way.
	for _, table := range []string{
		"by_src", "by_dst", "by_port", "minute_by_src", "minute_by_dst", "minute_by_port",
		"minute_total_by_src", "minute_total_by_dst", "hour_by_src", "hour_by_dst", "hour_by_port", "hour_by_pair",
	} {
		const sums = "SELECT concat_ws(' ', sum(src_packets), sum(src_bytes), sum(dst_packets), sum(dst_bytes), sum(connection_times), sum(connection_count), sum(open_connections)) FROM "
		require.Equal(t, query(t, direct, sums+"vpn_traffic"), query(t, direct, sums+"vpn_traffic_"+table), table)
	}
	require.Equal(t, query(t, direct, `SELECT count(DISTINCT (time, host)) || ' ' || count(DISTINCT (time, host)) FILTER (WHERE open_connections IS NOT NULL) FROM vpn_traffic`),
		query(t, direct, `SELECT sum(reports) || ' ' || sum(tracked) FROM vpn_traffic_hour_reports`))
	for _, column := range []string{"src", "dst", "proto", "port", "host"} {
		require.Equal(t,
			query(t, direct, fmt.Sprintf(`SELECT string_agg(v, ';' ORDER BY v) FROM (SELECT (%[1]s::text || min((time AT TIME ZONE 'UTC')::date) || max((time AT TIME ZONE 'UTC')::date)) COLLATE "C" AS v FROM vpn_traffic GROUP BY %[1]s) x`, column)),
			query(t, direct, `SELECT string_agg(value || first_day || last_day, ';' ORDER BY value || first_day || last_day) FROM vpn_traffic_values WHERE kind = $1`, column))
	}
}

// The gauge's sum and the tracked reports make its average: 7, and 7 and 3 in
// two reports of one minute are 5; a late part adds to its report, not another.
func testGauges(t *testing.T, db *store.DB, direct *sql.DB) {
	first, second := series(noon, 2), series(noon.Add(15*time.Second), 1)
	second[0].OpenConnections = 3
	untracked := series(noon.Add(30*time.Second), 1)
	untracked[0].OpenConnections, untracked[0].HasOpen = 0, false
	for _, rows := range [][]reportfile.Row{first[:1], second, untracked} {
		mustImport(t, db, "gw", rows)
	}
	average := func(step string) string {
		return query(t, direct, fmt.Sprintf(`SELECT round(sum(open_connections) / (SELECT sum(tracked) FROM vpn_traffic_%[1]s_reports), 1)
			FROM vpn_traffic_%[1]s_by_src`, step))
	}
	require.Equal(t, "5.0", average("minute"))
	require.Equal(t, "5.0", average("hour"))
	mustImport(t, db, "gw", first)
	require.Equal(t, "8.5", average("minute"))
	require.Equal(t, "8.5", average("hour"))
	require.Equal(t, "3 2", query(t, direct, `SELECT reports || ' ' || tracked FROM vpn_traffic_hour_reports`))
	requireRollups(t, db)
}

// A row that would make a sum too large is refused, in one import with the
// others or after them; sums never wrap.
// Who fills up the sums of an hour costs nobody else a row: sums stop at the
// largest number that their column holds, whatever comes in which order.
func testOverflow(t *testing.T, db *store.DB, direct *sql.DB) {
	full := series(noon, 3)
	for i := range full {
		full[i].DstBytes, full[i].ConnectionCount, full[i].OpenConnections = math.MaxInt64, math.MaxInt32, math.MaxInt32
	}
	late := series(noon.Add(time.Minute), 2000)
	require.Equal(t, store.Result{Inserted: 2}, mustImport(t, db, "gw", full[:2]))
	require.Equal(t, store.Result{Inserted: 1}, mustImport(t, db, "gw", full[2:]), "a part of the same report")
	require.Equal(t, store.Result{Inserted: 2000}, mustImport(t, db, "gw", late), "of the same hour")
	require.Equal(t, store.Result{Inserted: 3}, mustImport(t, db, "gw", series(noon.Add(time.Second), 3)), "of the same minute")
	for table, want := range map[string]string{
		"minute_by_port": "9223372036854775807 2147483647 2147483647",
		"minute_by_src":  "9223372036854775807 2147483647 2147483647",
		"hour_by_port":   "9223372036854775807 6442460956 6442464962",
	} {
		require.Equal(t, want, query(t, direct, `SELECT concat_ws(' ', max(dst_bytes), max(connection_count), max(open_connections))
			FROM vpn_traffic_`+table), table)
	}
	require.Equal(t, "2006 2006", query(t, direct, `SELECT count(*) || ' ' || count(DISTINCT (time, src, dst)) FROM vpn_traffic`))
	requireRollups(t, db)
	for _, table := range [...]string{"minute_by_port", "hour_by_src"} {
		_, err := direct.Exec(`UPDATE vpn_traffic_` + table + ` SET dst_bytes = dst_bytes - 1`)
		require.NoError(t, err)
	}
	require.Len(t, differences(t, db, true), 2)
	requireRollups(t, db)
}

func testVerify(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", random(rand.New(rand.NewPCG(1, 2)), 500))
	for _, damage := range []string{
		`UPDATE vpn_traffic_by_src SET src_bytes = src_bytes + 1 WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM vpn_traffic_by_src ORDER BY time LIMIT 1)`,
		`DELETE FROM vpn_traffic_minute_by_dst`,
		`INSERT INTO vpn_traffic_hour_by_port VALUES ('2023-11-14 21:00Z', 0, 0, 0, 0, 0, 0, NULL, -1, 'gre', 'gw')`,
		`UPDATE vpn_traffic_hour_reports SET tracked = tracked - 1`,
	} {
		_, err := direct.Exec(damage)
		require.NoError(t, err)
	}
	tables := func(all []store.Difference) string {
		var names []string
		for _, d := range all {
			require.Positive(t, d.Keys)
			if name := strings.TrimPrefix(d.Table, "vpn_traffic_"); len(names) == 0 || names[len(names)-1] != name {
				names = append(names, name)
			}
		}
		return strings.Join(names, " ")
	}
	const damaged = "by_src minute_by_dst hour_by_port hour_reports minute_by_dst hour_reports" // on two days
	require.Equal(t, damaged, tables(differences(t, db, false)))
	require.Equal(t, damaged, tables(differences(t, db, true)))
	requireRollups(t, db)
}

// A rollup with a row of a time that has no reports, which somebody made by hand,
// is in the way of copying, and no fault of the rows that are to be stored.
func testStray(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", series(noon, 10))
	later := noon.Add(time.Hour)
	query(t, direct, `WITH stray AS (INSERT INTO vpn_traffic_minute_by_port
		SELECT $1, 1, 1, 1, 1, 1, 1, 1, port, proto, host FROM vpn_traffic_minute_by_port LIMIT 1 RETURNING 1) SELECT count(*) FROM stray`, later)
	_, err := db.Import(t.Context(), "gw", series(later, 10))
	require.ErrorContains(t, err, "vpn_traffic_minute_by_port has sums of a time that has no reports")
	require.ErrorContains(t, err, "psql-sink verify -repair mends that")
	require.Equal(t, pgconn.Unknown, pgconn.ClassOf(err), "not the rows'")
	require.Len(t, differences(t, db, true), 1)
	require.Equal(t, store.Result{Inserted: 10}, mustImport(t, db, "gw", series(later, 10)))
	requireRollups(t, db)
}

package store_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/testkit"
)

// What is imported of an older day does not change what answers for later ones.
func TestOldRowsHideNoSums(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	hour := time.Now().UTC().AddDate(0, 0, -45).Truncate(time.Hour)
	var reports []reportfile.Row
	for n := range 240 {
		reports = append(reports, series(hour.Add(time.Duration(n)*15*time.Second), 1)...)
	}
	mustImport(t, db, "gw", reports)
	mustImport(t, db, "gw", series(time.Now(), 1))
	done, err := db.Retain(t.Context(), time.Now(), schema.Retention{Raw: 30 * aDay})
	require.NoError(t, err)
	require.NotEmpty(t, done.Dropped)
	for range 2 {
		for _, step := range []string{"15 s", "1 min", "1 hour"} {
			require.Equal(t, "240", query(t, direct, `SELECT sum(src_packets) FROM vpn_traffic_series($1, $2, $3)`, hour, hour.Add(time.Hour), step), step)
		}
		require.Equal(t, "241", query(t, direct, `SELECT src_packets FROM vpn_traffic_totals($1, $2, src => '{10.32.0.0}', dst => '{10.33.0.0}')`,
			hour.Add(-time.Hour), time.Now().Add(time.Hour)))
		mustImport(t, db, "gw", series(hour.AddDate(-1, 0, 0), 1))
	}
	// A report that is new, but of a day that is gone, is in the sums of its hour.
	mustImport(t, db, "late", series(hour, 1))
	require.Equal(t, "241", query(t, direct, `SELECT sum(src_packets) FROM vpn_traffic_series($1, $2, '15 s')`, hour, hour.Add(time.Hour)))
}

// Whatever retention has dropped, sums are those of the rows that there were, over
// a range whose ends move outwards to what is there.
func TestAnyMixOfLevelsIsExact(t *testing.T) {
	t.Parallel()
	const days, seed = 6, 20231114
	const port = "CASE port WHEN -1 THEN 'other' ELSE port::text END"
	r := rand.New(rand.NewPCG(seed, 0))
	db, direct := fresh(t)
	first := noon.Truncate(aDay)
	rows := random(r, 6000)
	for i := range rows {
		rows[i].Time = first.Add(time.Duration(r.IntN(days*24*240)) * 15 * time.Second).UnixNano()
	}
	mustImport(t, db, "gw", rows)
	exec(t, direct, `CREATE TABLE truth AS SELECT * FROM vpn_traffic`)
	gone := map[string]bool{}
	is := func(level string, at time.Time) bool { return gone[level+at.Format("20060102")] }
	outwards := func(at, day time.Time, up bool) time.Time {
		unit := time.Duration(1)
		switch {
		case !is("raw", day):
		case !is("minute", day):
			unit = time.Minute
		default:
			unit = time.Hour
		}
		if up {
			at = at.Add(unit - 1)
		}
		return at.Truncate(unit)
	}
	for round := range 8 {
		for range testkit.Rounds(16) {
			since := first.Add(time.Duration(r.Int64N(int64(days * aDay)))).Truncate(time.Second)
			until := since.Add(time.Duration(1 + r.Int64N(int64([]time.Duration{aDay * 3, time.Hour * 2, time.Minute * 3}[r.IntN(3)])))).Truncate(time.Second).Add(time.Second)
			lo, hi := outwards(since, since, false), outwards(until, until.Add(-time.Microsecond), true)
			for _, by := range []string{"src", "port", "service"} {
				name := map[string]string{"src": "src", "port": port, "service": "proto || '/' || " + port}[by]
				const lines = `SELECT coalesce(string_agg(concat_ws(' ', name, src_bytes, connection_count), ';' ORDER BY name COLLATE "C"), '') FROM `
				require.Equal(t,
					query(t, direct, lines+`(SELECT `+name+` AS name, sum(src_bytes) AS src_bytes, sum(connection_count) AS connection_count
						FROM truth WHERE time >= $1 AND time < $2 GROUP BY 1) AS sums`, lo, hi),
					query(t, direct, lines+`vpn_traffic_totals($1, $2, '`+by+`')`, since, until), "round %d, from %v to %v by %s", round, since, until, by)
			}
			// Steps may begin earlier and end later than the range.
			step := fmt.Sprint(15*(1+r.IntN(300))) + " s"
			require.Equal(t, "true", query(t, direct, `WITH series AS (SELECT * FROM vpn_traffic_series($1, $2, $3))
				SELECT coalesce(sum(dst_bytes), 0) = coalesce((SELECT sum(dst_bytes) FROM truth
					WHERE time >= (SELECT min(time) FROM series) AND time < (SELECT max(time + make_interval(secs => seconds)) FROM series)), 0) FROM series`,
				since, until, step), "round %d, from %v to %v by %s", round, since, until, step)
		}
		level, day := []string{"raw", "minute"}[r.IntN(2)], first.AddDate(0, 0, r.IntN(days))
		exec(t, direct, `SELECT vpn_traffic_drop_partition(name) FROM vpn_traffic_partitions WHERE retention = '`+level+`' AND first = '`+day.Format(time.DateOnly)+`'`)
		gone[level+day.Format("20060102")] = true
		late := []reportfile.Row{rows[r.IntN(len(rows))]}
		result, err := db.Import(t.Context(), "gw", late) // a row that comes again, of any day
		require.NoError(t, err)
		require.Zero(t, result.Inserted)
	}
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.Exec(statement)
	require.NoError(t, err, statement)
}

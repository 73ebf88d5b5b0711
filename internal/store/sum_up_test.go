package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

func sumUp(t *testing.T, db *store.DB) {
	t.Helper()
	left, err := db.SumUp(t.Context(), time.Minute)
	require.NoError(t, err)
	require.False(t, left)
}

// pieces are the tables that totals of all hours of a kind would read, shortest first.
func pieces(t *testing.T, direct *sql.DB, kind string, since, until time.Time) string {
	t.Helper()
	return query(t, direct, `SELECT string_agg(substring(name FROM 13), ' ' ORDER BY length(name), name)
		FROM vpn_traffic_pieces($1, 'hour', $2, $3, NULL, '{}')`, kind, since, until)
}

// scattered returns rows of few keys at any reports of so many days.
func scattered(r *rand.Rand, first time.Time, days, n int) []reportfile.Row {
	rows := random(r, n)
	for i := range rows {
		rows[i].Time = first.Add(time.Duration(r.IntN(days*24*240)) * 15 * time.Second).UnixNano()
	}
	return rows
}

// Whatever is summed up, and whatever has come later, answers are those of the rows.
func TestSumsOfDaysAreExact(t *testing.T) {
	t.Parallel()
	const days, seed = 110, 20231101
	r := rand.New(rand.NewPCG(seed, 0))
	db, direct := fresh(t)
	first := time.Date(2023, 9, 20, 0, 0, 0, 0, time.UTC)
	day := func() time.Time { return first.AddDate(0, 0, r.IntN(days)) }
	at := func() time.Time { return first.Add(time.Duration(r.IntN(days*24)) * time.Hour) }
	for range 15 { // of most days there is nothing
		mustImport(t, db, "gw", scattered(r, day(), 1, 100))
	}
	used := map[string]bool{}
	for round := range 5 {
		for n := range testkit.Rounds(8) {
			since, until := at(), at()
			if until.Before(since) {
				since, until = until, since
			}
			if n == 0 {
				since, until = first, first.AddDate(0, 0, days)
			}
			until = until.Add(time.Hour)
			for _, kind := range []string{"src", "dst", "port", "pair"} {
				for name := range strings.FieldsSeq(pieces(t, direct, kind, since, until)) {
					used[name] = true
				}
			}
			for by, name := range map[string]string{"src": "src", "dst": "dst", "host": "host", "": "'total'", "pair": "src || ' → ' || dst"} {
				const lines = `SELECT coalesce(string_agg(concat_ws(' ', name, src_bytes, dst_packets, connection_count, connection_times), ';' ORDER BY name COLLATE "C"), '') FROM `
				require.Equal(t, query(t, direct, lines+`(SELECT `+name+` AS name, sum(src_bytes) AS src_bytes, sum(dst_packets) AS dst_packets,
						sum(connection_count) AS connection_count, sum(connection_times) AS connection_times
						FROM vpn_traffic WHERE time >= $1 AND time < $2 GROUP BY 1) AS sums`, since, until),
					query(t, direct, lines+`vpn_traffic_totals($1, $2, '`+by+`')`, since, until), "round %d, from %v to %v by %s", round, since, until, by)
			}
			require.Equal(t, query(t, direct, `SELECT concat_ws(' ', sum(src_bytes), sum(connection_count)) FROM vpn_traffic
					WHERE time >= $1 AND time < $2 AND src = '10.32.1.0' AND proto = 'udp'`, since, until),
				query(t, direct, `SELECT concat_ws(' ', sum(src_bytes), sum(connection_count)) FROM vpn_traffic_totals($1, $2, 'service', src => '{10.32.1.0}', proto => '{udp}')`, since, until))
			step := fmt.Sprint([]int{1, 5, 12, 24, 48, 168}[r.IntN(6)]) + " hours"
			for _, by := range []string{"src", "dst", "pair", "service"} {
				require.Equal(t, "", query(t, direct, `WITH series AS (SELECT time, key, seconds, src_bytes FROM vpn_traffic_series($1, $2, $3, $4, measure => 'bytes') WHERE seconds IS NOT NULL),
					truth AS (SELECT date_bin(make_interval(secs => (SELECT max(seconds) FROM series)), time, 'epoch') AS time,
						CASE $4 WHEN 'src' THEN src WHEN 'dst' THEN dst WHEN 'pair' THEN src || ' → ' || dst ELSE proto || '/' || CASE port WHEN -1 THEN 'other' ELSE port::text END END AS key,
						sum(src_bytes) AS src_bytes FROM vpn_traffic GROUP BY 1, 2)
					SELECT coalesce(string_agg(concat_ws(' ', s.time, s.key, s.src_bytes, t.src_bytes), ';'), '')
					FROM series AS s LEFT JOIN truth AS t USING (time, key) WHERE s.src_bytes <> coalesce(t.src_bytes, 0)`,
					since, until, step, by), "round %d, from %v to %v by %s in steps of %s", round, since, until, by, step)
			}
		}
		requireRollups(t, db)
		switch round {
		case 1, 4:
			// Late rows, of this gateway and of one that is new, of some days.
			mustImport(t, db, "gw", scattered(r, day(), 5, 300))
			mustImport(t, db, "late", scattered(r, day(), 2, 30))
		default:
			sumUp(t, db)
		}
	}
	require.Equal(t, map[string]bool{
		"hour_by_src": true, "hour_by_dst": true, "hour_by_port": true, "hour_by_pair": true,
		"day_total_by_src": true, "day_total_by_dst": true, "day_by_port": true, "quarter_day_by_pair": true, "day_by_pair": true, "third_month_by_pair": true, "month_by_pair": true, "quarter_by_pair": true,
	}, used)
}

// Days of a gauge: its average over the reports is the same, whichever sums answer.
func TestGaugesOfDays(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	first := time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC)
	mustImport(t, db, "gw", scattered(rand.New(rand.NewPCG(1, 0)), first, 5, 2000))
	ask := func() string {
		return query(t, direct, `SELECT string_agg(concat_ws(' ', name, round(open_connections, 9)), ';' ORDER BY name) FROM vpn_traffic_totals($1, $2, 'src')`, first, first.AddDate(0, 0, 5)) +
			query(t, direct, `SELECT string_agg(concat_ws(' ', time, name, round(open_connections, 9)), ';' ORDER BY time, name) FROM vpn_traffic_series($1, $2, '1 day', 'dst')`, first, first.AddDate(0, 0, 5))
	}
	before := ask()
	require.Equal(t, "hour_by_src", pieces(t, direct, "src", first, first.AddDate(0, 0, 5)))
	sumUp(t, db)
	require.Equal(t, "day_total_by_src", pieces(t, direct, "src", first, first.AddDate(0, 0, 5)))
	require.Equal(t, before, ask())
}

// A sum that was made of what was there before an import ended does not hold, in
// whatever order the two do what they do.
func TestSummingUpBesideAnImport(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	day := noon.Truncate(aDay)
	mustImport(t, db, "gw", series(noon, 3))
	packets := func() string {
		return query(t, direct, `SELECT sum(src_packets) FROM vpn_traffic_totals($1, $2, 'src')`, day, day.AddDate(0, 0, 1))
	}
	valid := func() string {
		return query(t, direct, `SELECT count(*) FILTER (WHERE valid) FROM vpn_traffic_summed_up WHERE unit = 'day' AND first = $1`, day)
	}

	// One has begun before the day is listed: the list waits for it.
	held, err := direct.Begin()
	require.NoError(t, err)
	_, err = held.Exec(`SELECT vpn_traffic_outdate(ARRAY[$1::timestamptz])`, noon)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := db.SumUp(t.Context(), time.Minute)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		return query(t, direct, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%list_sums%'`) == "1"
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, held.Commit())
	require.NoError(t, <-ended)
	require.Equal(t, "1", valid())
	require.Equal(t, "3", packets())

	// One that has begun after it is listed, and is not over: nobody waits, and it holds not.
	mustImport(t, db, "gw", series(noon.Add(time.Minute), 3))
	require.Equal(t, "0", valid())
	exec(t, direct, `SELECT vpn_traffic_list_sums()`)
	held, err = direct.Begin()
	require.NoError(t, err)
	_, err = held.Exec(`SELECT vpn_traffic_outdate(ARRAY[$1::timestamptz])`, noon)
	require.NoError(t, err)
	sumUp(t, db)
	require.NoError(t, held.Commit())
	require.Equal(t, "0", valid())
	require.Equal(t, "6", packets())

	// One that comes while the day is summed up, and is listed anew by another sink.
	sumUp(t, db)
	require.Equal(t, "1", valid())
	mustImport(t, db, "gw", series(noon.Add(2*time.Minute), 3))
	exec(t, direct, `SELECT vpn_traffic_list_sums()`)
	exec(t, direct, `SELECT vpn_traffic_sum_up('quarter_day', '2023-11-14 12:00Z')`)
	reading, err := direct.Begin()
	require.NoError(t, err)
	_, err = reading.Exec(`SELECT vpn_traffic_sum_up('day', $1)`, day)
	require.NoError(t, err)
	go func() {
		_, err := db.Import(t.Context(), "gw", series(noon.Add(3*time.Minute), 3))
		ended <- err
	}()
	require.Eventually(t, func() bool {
		return query(t, direct, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%vpn_traffic_outdate($1%'`) == "1"
	}, time.Minute, 5*time.Millisecond, "the import waits for what would hold")
	require.NoError(t, reading.Commit())
	require.NoError(t, <-ended)
	require.Equal(t, "0", valid())
	require.Equal(t, "12", packets())
	sumUp(t, db)
	require.Equal(t, "1", valid())
	require.Equal(t, "12", packets())
	require.Zero(t, mustImport(t, db, "gw", series(noon, 3)).Inserted)
	require.Equal(t, "1", valid(), "nothing was added")
	requireRollups(t, db)
}

// While a month is summed up, which may take long, the first report of a day is stored.
func TestANewDayDoesNotWaitForSums(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	mustImport(t, db, "gw", series(noon, 3))
	exec(t, direct, `SELECT vpn_traffic_list_sums()`)
	held, err := direct.Begin()
	require.NoError(t, err)
	defer func() { require.NoError(t, held.Commit()) }()
	_, err = held.Exec(`SELECT vpn_traffic_sum_up('quarter_day', $1)`, noon.Truncate(6*time.Hour))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = db.Import(ctx, "gw", series(noon.AddDate(0, 0, 1), 3))
	require.NoError(t, err)
}

// Several sinks import into the same days, and sum them up, for a while.
func TestManySinksSumUp(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	first := time.Date(2023, 10, 25, 0, 0, 0, 0, time.UTC)
	mustImport(t, db, "gw", scattered(rand.New(rand.NewPCG(0, 0)), first, 8, 500))
	var all sync.WaitGroup
	for n := range 3 {
		all.Add(2)
		go func() {
			defer all.Done()
			r := rand.New(rand.NewPCG(uint64(n)+1, 0))
			for range 10 {
				_, err := db.Import(t.Context(), fmt.Sprint("gw", n), scattered(r, first, 8, 1+r.IntN(100)))
				if err != nil {
					t.Error(err)
				}
			}
		}()
		go func() {
			defer all.Done()
			for range 5 {
				if _, err := db.SumUp(t.Context(), time.Minute); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	requireRollups(t, db)
	sumUp(t, db)
	require.Equal(t, "2023-10-01 true", query(t, direct, `SELECT (min(first) AT TIME ZONE 'UTC')::date || ' ' || bool_and(valid)::text FROM vpn_traffic_summed_up`))
	requireRollups(t, db)
}

// Somebody has changed a sum of days: verify says so, and has it made anew, also where only
// the sums of hours are left that it is made of.
func TestVerifySumsOfDays(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	first := time.Date(2023, 10, 1, 0, 0, 0, 0, time.UTC)
	mustImport(t, db, "gw", scattered(rand.New(rand.NewPCG(1, 0)), first.AddDate(0, 0, 16), 2, 500))
	mustImport(t, db, "gw", series(first.AddDate(0, 4, 0), 1)) // whose rows stay
	sumUp(t, db)
	retain(t, db, first.AddDate(0, 4, 0), schema.Retention{Raw: aDay, Minute: aDay})
	requireRollups(t, db)
	for i := range schema.Summaries {
		table := schema.Summaries[i].Name
		damage := []string{
			"DELETE FROM " + table + " WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM " + table + " ORDER BY time LIMIT 1)",
			"UPDATE " + table + " SET src_bytes = src_bytes + 1 WHERE time < '2023-10-18Z'",
			"INSERT INTO " + table + " SELECT (r).* FROM (SELECT jsonb_populate_record(t, '{\"host\": \"new\"}') AS r FROM " + table + " AS t LIMIT 1) AS r",
		}[i%3]
		exec(t, direct, damage)
		found := differences(t, db, true)
		require.NotEmpty(t, found, damage)
		require.Equal(t, [...]string{table, schema.Summaries[i].Finer}, [...]string{found[0].Table, found[0].From}, damage)
		require.True(t, found[0].Repaired)
		require.NotContains(t, pieces(t, direct, "pair", first, first.AddDate(0, 3, 0)), "quarter_by_pair")
		sumUp(t, db)
		require.Equal(t, "quarter_by_pair", pieces(t, direct, "pair", first, first.AddDate(0, 3, 0)))
	}
	requireRollups(t, db)
}

// Quarters of a day are read, and so verified, also where their day does not hold; and so are
// times without reports.
func TestVerifyWhatHolds(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	day := noon.Truncate(aDay)
	mustImport(t, db, "gw", series(day.Add(time.Hour), 3))
	sumUp(t, db)
	mustImport(t, db, "gw", series(day.Add(20*time.Hour), 3)) // late
	requireRollups(t, db)
	exec(t, direct, `UPDATE vpn_traffic_quarter_day_by_pair SET src_bytes = src_bytes + 1000 WHERE time = '`+day.Format(time.RFC3339)+`'`)
	require.Equal(t, "hour_by_pair quarter_day_by_pair", pieces(t, direct, "pair", day, day.AddDate(0, 0, 1)))
	require.Equal(t, []store.Difference{{Table: "vpn_traffic_quarter_day_by_pair", From: "vpn_traffic_hour_by_pair", Day: day, Keys: 3}}, differences(t, db, false))
	require.Len(t, differences(t, db, true), 1)
	sumUp(t, db)
	requireRollups(t, db)

	exec(t, direct, `SELECT vpn_traffic_make_partition('vpn_traffic_day_by_src', '2023-11-20');
		INSERT INTO vpn_traffic_day_by_src SELECT (r).* FROM (SELECT jsonb_populate_record(t, '{"time": "2023-11-20Z"}') AS r FROM vpn_traffic_day_by_src AS t LIMIT 1) AS r`)
	found := differences(t, db, true)
	require.Len(t, found, 1)
	require.Equal(t, "vpn_traffic_day_by_src", found[0].Table)
	sumUp(t, db)
	requireRollups(t, db)
}

// What retention has dropped, before verify looks or while it does, is not missed.
func TestVerifyMissesNothingThatIsDropped(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	october := time.Date(2023, 10, 15, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{october, noon, noon.AddDate(0, 0, 1)} {
		mustImport(t, db, "gw", series(at, 3))
	}
	sumUp(t, db)
	const drop = `SELECT vpn_traffic_drop_partition(name) FROM vpn_traffic_partitions WHERE retention = '%s' AND first <= '%s'`
	exec(t, direct, fmt.Sprintf(drop, "minute", "2023-11-14")) // of days that have rows
	requireRollups(t, db)
	require.Empty(t, differences(t, db, true))

	// Verify waits for the first table of a month, or of a day, and the others are dropped meanwhile.
	for retention, verify := range map[string]func() ([]store.Difference, error){
		"hour": func() ([]store.Difference, error) {
			return db.VerifyUnit(t.Context(), store.Unit{Name: "day", First: october, Next: october.AddDate(0, 0, 1)}, false)
		},
		"raw": func() ([]store.Difference, error) { return db.Verify(t.Context(), noon.Truncate(aDay), false) },
	} {
		table := map[string]string{"hour": "vpn_traffic_hour_by_src_202310", "raw": "vpn_traffic_by_src_20231114"}[retention]
		held, err := direct.Begin()
		require.NoError(t, err)
		_, err = held.Exec(`LOCK TABLE ` + table + ` IN ACCESS EXCLUSIVE MODE`)
		require.NoError(t, err)
		found := make(chan []store.Difference, 1)
		go func() {
			differences, err := verify()
			assert.NoError(t, err)
			found <- differences
		}()
		require.Eventually(t, func() bool {
			return query(t, direct, `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '`+table+`'::regclass`) == "1"
		}, time.Minute, 5*time.Millisecond)
		_, err = held.Exec(fmt.Sprintf(drop, retention, "2023-11-14") + ` AND name ~ 'vpn_traffic_(hour_)?by_(dst|port)_' AND (retention = 'raw' OR first = '2023-10-01')`)
		require.NoError(t, err)
		require.NoError(t, held.Commit())
		require.Empty(t, <-found, retention)
	}
}

// When verify mends sums of hours, what was made of them is made anew.
func TestRepairedHoursAreSummedUpAnew(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	mustImport(t, db, "gw", series(noon, 10))
	exec(t, direct, `UPDATE vpn_traffic_hour_by_src SET src_bytes = 0`)
	sumUp(t, db)
	const sums = `SELECT sum(src_bytes) FROM vpn_traffic_day_by_src`
	require.Equal(t, "0", query(t, direct, sums))
	require.Len(t, differences(t, db, false), 1)
	require.Len(t, differences(t, db, true), 1)
	require.NotContains(t, pieces(t, direct, "src", noon.Truncate(aDay), noon.Truncate(aDay).AddDate(0, 0, 1)), "day")
	sumUp(t, db)
	require.Equal(t, query(t, direct, `SELECT sum(src_bytes) FROM vpn_traffic`), query(t, direct, sums))
	requireRollups(t, db)
}

// What is forgotten is in no sum of days either, of a host, an address or all.
func TestForgetSumsOfDays(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	first := time.Date(2023, 10, 1, 0, 0, 0, 0, time.UTC)
	mustImport(t, db, "gw", scattered(rand.New(rand.NewPCG(1, 0)), first, 3, 100))
	mustImport(t, db, "other", scattered(rand.New(rand.NewPCG(2, 0)), first, 3, 100))
	sumUp(t, db)
	host := "other"
	found := func() (where string) {
		for i := range schema.Summaries {
			where += query(t, direct, `SELECT count(*) FROM `+schema.Summaries[i].Name+` WHERE host = 'other'`) + " "
		}
		return where
	}
	require.NotContains(t, " "+found(), " 0 ")
	require.NoError(t, db.Forget(t.Context(), &store.Forgotten{From: first, To: first, Addresses: []string{"10.32.1.0"}}, first))
	require.Equal(t, "0 0", query(t, direct, `SELECT (SELECT count(*) FROM vpn_traffic_day_by_src WHERE src = '10.32.1.0' AND time = $1) || ' '
		|| (SELECT count(*) FROM vpn_traffic_quarter_by_pair)`, first))
	for day := first; day.Before(first.AddDate(0, 0, 3)); day = day.AddDate(0, 0, 1) {
		require.NoError(t, db.Forget(t.Context(), &store.Forgotten{From: day, To: day, Host: &host}, day))
	}
	require.Equal(t, "0 0 0 0 0 0 0 0 0 0 0 0 ", found())
	sumUp(t, db)
	require.Equal(t, "0 0 0 0 0 0 0 0 0 0 0 0 ", found())
	require.Equal(t, "quarter_by_pair", pieces(t, direct, "pair", first, first.AddDate(0, 3, 0)))
	requireRollups(t, db)
}

// With the sums of hours, those of their days go.
func TestSumsOfDaysExpire(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	for n := range 4 {
		mustImport(t, db, "gw", series(noon.AddDate(0, n-1, 0), 10))
	}
	sumUp(t, db)
	october := time.Date(2023, 10, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, "quarter_by_pair", pieces(t, direct, "pair", october, october.AddDate(0, 3, 0)))
	require.Equal(t, "true", query(t, direct, `SELECT bool_and(valid) FROM vpn_traffic_summed_up WHERE first < '2023-12-01'`))
	retain(t, db, noon.AddDate(0, 2, 0), schema.Retention{Raw: aDay})
	require.Equal(t, "true", query(t, direct, `SELECT bool_and(valid) FROM vpn_traffic_summed_up WHERE first < '2023-12-01'`), "it was not rows that were summed up")
	retain(t, db, noon.AddDate(0, 2, 0), schema.Retention{Hour: 30 * aDay})
	for i := range schema.Summaries {
		require.Equal(t, "none", query(t, direct, `SELECT coalesce(min(time)::text, 'none') FROM `+schema.Summaries[i].Name+` WHERE time < '2023-12-01Z'`))
	}
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM vpn_traffic_summed_up WHERE first < '2023-12-01Z'`))
	sumUp(t, db)
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM vpn_traffic_summed_up WHERE first < '2023-12-01Z'`))
	require.Equal(t, "hour_by_pair month_by_pair", pieces(t, direct, "pair", october, october.AddDate(0, 3, 0)), "the quarter is gone with its first month")
}

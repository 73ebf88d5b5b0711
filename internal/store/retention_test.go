package store_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
)

const aDay = 24 * time.Hour

// asOf turns retentions as of a time that is past into those of now, by which the
// database goes.
func asOf(at time.Time, keep schema.Retention) schema.Retention {
	for _, level := range []*time.Duration{&keep.Raw, &keep.Minute, &keep.Hour} {
		if *level != 0 {
			*level += time.Since(at)
		}
	}
	return keep
}

func retain(t *testing.T, db *store.DB, at time.Time, keep schema.Retention) schema.Retained {
	t.Helper()
	done, err := db.Retain(t.Context(), time.Now(), asOf(at, keep))
	require.NoError(t, err)
	return done
}

func testRetention(t *testing.T, db *store.DB, direct *sql.DB) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	for n := range 5 {
		mustImport(t, db, "gw", series(day(n), 10))
	}
	keep := schema.Retention{Raw: 2 * aDay, Minute: 3 * aDay}
	reader, err := direct.Begin()
	require.NoError(t, err)
	_, err = reader.Exec(`SELECT count(*) FROM vpn_traffic`)
	require.NoError(t, err)
	done := retain(t, db, day(4), keep)
	require.Equal(t, []string{"vpn_traffic_20231114", "vpn_traffic_20231115"}, done.Postponed, "they are being read")
	require.Contains(t, done.Dropped, "vpn_traffic_minute_by_src_20231114")
	require.NotContains(t, done.Dropped, "vpn_traffic_minute_by_src_20231115")
	mustImport(t, db, "gw", series(day(4).Add(time.Minute), 10)) // the reader holds up nobody
	require.NoError(t, reader.Rollback())
	require.Equal(t, schema.Retained{Dropped: []string{"vpn_traffic_20231114", "vpn_traffic_20231115"}}, retain(t, db, day(4), keep))
	require.Zero(t, retain(t, db, day(4), keep))
	require.Equal(t, "2023-11-16", query(t, direct, `SELECT min(time)::date::text FROM vpn_traffic`))
	require.Equal(t, "5 60", query(t, direct, `SELECT count(DISTINCT time::date) || ' ' || sum(src_packets) FROM vpn_traffic_hour_by_pair`), "for ever")
	ahead := time.Now().UTC().AddDate(0, 0, 2).Format("20060102")
	require.Equal(t, "t", query(t, direct, `SELECT (to_regclass('vpn_traffic_`+ahead+`') IS NOT NULL)::text::char`), "made ahead")
	requireRollups(t, db)
}

// What comes again after its rows are gone by retention must not count twice
// in the rollups that remain; reports that are new and old land.
func testExpired(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", series(noon, 10))
	mustImport(t, db, "new", series(noon.AddDate(0, 0, 2), 1))
	now := noon.AddDate(0, 0, 10)
	keep := schema.Retention{Raw: aDay, Minute: aDay}
	retain(t, db, now, keep)
	rows := append(series(noon, 12), series(noon.Add(time.Minute), 5)...)
	require.Equal(t, store.Result{Inserted: 5, Expired: 12}, mustImport(t, db, "gw", rows))
	require.Equal(t, "5 15 2", query(t, direct, `SELECT concat_ws(' ', (SELECT count(*) FROM vpn_traffic WHERE host = 'gw'),
		(SELECT sum(src_packets) FROM vpn_traffic_hour_by_src WHERE host = 'gw'), (SELECT reports FROM vpn_traffic_hour_reports WHERE host = 'gw'))`))
	retain(t, db, now, keep)
	require.Equal(t, store.Result{Expired: 17}, mustImport(t, db, "gw", rows))
}

// A clock that is off drops nothing that was not due: neither the sink's, nor, at
// once, the database's.
func testClocks(t *testing.T, db *store.DB, direct *sql.DB) {
	for n := range 10 {
		mustImport(t, db, "gw", series(noon.AddDate(0, 0, n), 10))
	}
	keep := schema.Retention{Raw: aDay, Minute: aDay, Hour: aDay}
	for _, apart := range []time.Duration{3 * 365 * aDay, -3 * 365 * aDay, 2 * time.Hour} {
		done, err := db.Retain(t.Context(), time.Now().Add(apart), keep)
		require.ErrorIs(t, err, schema.ErrClocks)
		require.Zero(t, done)
	}
	for n, days := range []string{"10", "7", "4", "1", "1"} {
		require.Equal(t, days, query(t, direct, `SELECT count(DISTINCT time) FROM vpn_traffic`))
		done, err := db.Retain(t.Context(), time.Now().Add(10*time.Minute), keep)
		require.NoError(t, err)
		require.Equal(t, []int{12, 6, 0, 0, 0}[n], done.Due, "raw and minute")
	}
	require.Equal(t, "1 1 1", query(t, direct, `SELECT concat_ws(' ', (SELECT count(DISTINCT time) FROM vpn_traffic),
		(SELECT count(DISTINCT time) FROM vpn_traffic_minute_by_src), (SELECT count(DISTINCT time::date) - 9 FROM vpn_traffic_hour_by_src))`), "what is newest stays")
	require.Equal(t, store.Result{Duplicates: 10}, mustImport(t, db, "gw", series(noon.AddDate(0, 0, 9), 10)))
}

// A row of a year that retention drops at once is not stored, nor summed up, again
// at each start.
func testOldRowsOnce(t *testing.T, db *store.DB, direct *sql.DB) {
	keep := schema.Retention{Raw: 30 * aDay, Minute: 90 * aDay, Hour: 730 * aDay}
	mustImport(t, db, "gw", series(time.Now(), 1))
	old := series(time.Date(2001, 9, 9, 0, 0, 0, 0, time.UTC), 1)
	query(t, direct, `SELECT vpn_traffic_make_partitions('2001-09-09')::text`)
	_, err := direct.Exec(`CREATE VIEW favourite AS SELECT * FROM vpn_traffic_hour_by_src_200109`)
	require.NoError(t, err)
	for n := range 3 {
		result := mustImport(t, db, "gw", old)
		require.Equal(t, n == 0, result.Inserted == 1)
		done, err := db.Retain(t.Context(), time.Now(), keep)
		require.NoError(t, err)
		require.Len(t, done.Kept, 1)
	}
	require.Equal(t, "1", query(t, direct, `SELECT sum(src_packets) FROM vpn_traffic_hour_by_src WHERE time < '2002-01-01Z'`))
}

// What somebody made of one partition keeps that one, and no other.
func testDependedOn(t *testing.T, db *store.DB, direct *sql.DB) {
	for n := range 4 {
		mustImport(t, db, "gw", series(noon.AddDate(0, 0, n), 10))
	}
	_, err := direct.Exec(`CREATE VIEW favourite AS SELECT * FROM vpn_traffic_20231114`)
	require.NoError(t, err)
	for _, gone := range []int{11, 0} { // four of each day, of which one stays
		done := retain(t, db, noon.AddDate(0, 0, 9), schema.Retention{Raw: aDay})
		require.Len(t, done.Dropped, gone)
		require.Len(t, done.Kept, 1)
		require.Equal(t, "vpn_traffic_20231114", done.Kept[0].Partition)
		require.ErrorContains(t, done.Kept[0].Err, "other objects depend on it")
	}
	require.Equal(t, "10 10", query(t, direct, `SELECT concat_ws(' ', (SELECT count(*) FROM favourite), (SELECT count(*) FROM vpn_traffic WHERE time < '`+
		fmt.Sprint(noon.AddDate(0, 0, 2).Format(time.DateOnly))+`Z'))`))
}

package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
)

// said is a report of one row, of the minute after noon, that uses names.
func said(minute int, srcName, dstName string) []reportfile.Row {
	rows := series(noon.Add(time.Duration(minute)*time.Minute), 1)
	rows[0].SrcName, rows[0].DstName = srcName, dstName
	return rows
}

// nameLog is what the log says, by host, kind and address.
const nameLog = `SELECT coalesce(string_agg(concat_ws(' ', host, kind, log), '; ' ORDER BY host, kind DESC), '') FROM (
	SELECT host, kind, string_agg(extract(epoch FROM since - '2023-11-14 12:00Z')::integer / 60 || ' ' || name, ', ' ORDER BY since) AS log
	FROM vpn_traffic_name_history GROUP BY host, kind, address) AS logs`

// label is what the source is called in totals of the hour before a minute.
func label(t *testing.T, db *sql.DB, minute int, hosts ...string) string {
	t.Helper()
	until := noon.Add(time.Duration(minute) * time.Minute)
	return query(t, db, `SELECT coalesce(max(name), 'no traffic') FROM vpn_traffic_totals($1, $2, 'src',
		host => CASE $3 WHEN '{}' THEN NULL ELSE $3::text[] END)`, until.Add(-time.Hour), until, "{"+strings.Join(hosts, ",")+"}")
}

func TestNetworkNames(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *store.DB, *sql.DB){
		"renamed":    testRenamed,
		"late":       testLateNames,
		"history":    testNamesOfHistory,
		"two_hosts":  testNamesOfTwoHosts,
		"again":      testNamesAgain,
		"others":     testNamesOfOtherSinks,
		"rolledback": testNamesRolledBack,
		"at_once":    testNamesAtOnce,
		"retained":   testNamesRetained,
		"quiet":      testKnownNamesCostNothing,
		"by_hand":    testNamesByHand,
		"shown":      testNamesShown,
	} {
		t.Run(name, func(t *testing.T) {
			db, direct := fresh(t)
			test(t, db, direct)
		})
	}
}

// A new name leaves what is older as it was, whatever is asked when.
func testRenamed(t *testing.T, db *store.DB, direct *sql.DB) {
	for minute := range 10 {
		name := "East"
		if minute >= 6 {
			name = "West, \"2nd\" floor"
		}
		mustImport(t, db, "gw", said(minute, name, ""))
	}
	mustImport(t, db, "gw", said(10, "", "")) // says nothing
	require.Equal(t, `gw src 0 East, 6 West, "2nd" floor`, query(t, direct, nameLog))
	require.Equal(t, "no traffic", label(t, direct, 0))
	require.Equal(t, "East (10.32.0.0)", label(t, direct, 1))
	require.Equal(t, "East (10.32.0.0)", label(t, direct, 6), "the end is not a part of a range")
	require.Equal(t, `West, "2nd" floor (10.32.0.0)`, label(t, direct, 7))
	require.Equal(t, `West, "2nd" floor (10.32.0.0)`, label(t, direct, 60))
	require.Equal(t, "10.33.0.0", query(t, direct, `SELECT name FROM vpn_traffic_totals($1, $2, 'dst')`, noon, noon.Add(time.Hour)))
}

func testLateNames(t *testing.T, db *store.DB, direct *sql.DB) {
	for _, step := range []struct {
		minute     int
		name, want string
	}{
		{30, "East", "30 East"},
		{40, "West", "30 East, 40 West"},
		{20, "East", "20 East, 40 West"},
		{35, "West", "20 East, 35 West"},
		{33, "East", "20 East, 35 West"},
		{35, "Moon", "20 East, 35 West"}, // another row of a report: the first stays
		{25, "Moon", "20 East, 25 Moon, 35 West"},
		{10, "West", "10 West, 20 East, 25 Moon, 35 West"},
		{30, "Moon", "10 West, 20 East, 25 Moon, 35 West"},
		{31, "West", "10 West, 20 East, 25 Moon, 31 West"},
		{50, "West", "10 West, 20 East, 25 Moon, 31 West"},
	} {
		rows := said(step.minute, step.name, "")
		rows[0].Port = int32(len(step.name)) + int32(step.minute)*2 // so that no row is a duplicate
		if step.name == "Moon" {
			rows[0].Port++
		}
		require.Equal(t, 1, mustImport(t, db, "gw", rows).Inserted)
		require.Equal(t, "gw src "+step.want, query(t, direct, nameLog), "%d %s", step.minute, step.name)
	}
}

// Whole hours at once, in any order, give the same log.
func testNamesOfHistory(t *testing.T, db *store.DB, direct *sql.DB) {
	hours := make([][]reportfile.Row, 6)
	for h := range hours {
		for minute := range 60 {
			name := []string{"Lab", "Lab", "Annex"}[(h*60+minute)/130]
			hours[h] = append(hours[h], said(h*60+minute, name, "Web")...)
		}
	}
	for i, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 4, 1, 5, 2}, {2, 5, 1, 4, 0, 3}} {
		host := fmt.Sprint("gw", i)
		for _, h := range order {
			mustImport(t, db, host, hours[h])
		}
	}
	require.Equal(t, "gw0 src 0 Lab, 260 Annex; gw0 dst 0 Web; gw1 src 0 Lab, 260 Annex; gw1 dst 0 Web; "+
		"gw2 src 0 Lab, 260 Annex; gw2 dst 0 Web; gw3 src 0 Lab, 260 Annex; gw3 dst 0 Web", query(t, direct, nameLog))
}

func testNamesOfTwoHosts(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw1", said(0, "One", ""))
	mustImport(t, db, "gw2", said(5, "Two", ""))
	mustImport(t, db, "gw1", said(10, "One", ""))
	require.Equal(t, "gw1 src 0 One; gw2 src 5 Two", query(t, direct, nameLog))
	require.Equal(t, "One (10.32.0.0)", label(t, direct, 20, "gw1"))
	require.Equal(t, "Two (10.32.0.0)", label(t, direct, 20, "gw2"))
	require.Equal(t, "Two (10.32.0.0)", label(t, direct, 20), "whoever gave a name last")
	require.Equal(t, "One (10.32.0.0)", label(t, direct, 4))
}

func testNamesAgain(t *testing.T, db *store.DB, direct *sql.DB) {
	file := append(said(0, "East", "Web"), said(5, "West", "Web")...)
	for range 2 {
		mustImport(t, db, "gw", file)
	}
	other, err := store.Open(dsnOf(t, direct))
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	require.Equal(t, store.Result{Duplicates: 2}, mustImport(t, other, "gw", file))
	file[0].Port, file[1].Port = 80, 80
	require.Equal(t, store.Result{Inserted: 2}, mustImport(t, other, "gw", file))
	require.Equal(t, "gw src 0 East, 5 West; gw dst 0 Web", query(t, direct, nameLog))
}

// What another process writes about the same host is seen within an hour.
func testNamesOfOtherSinks(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", said(0, "East", ""))
	_, err := direct.Exec(`INSERT INTO vpn_traffic_name_history VALUES ('src', '10.32.0.0', 'gw', '2023-11-14 12:30Z', 'West')`)
	require.NoError(t, err)
	for minute := 31; minute < 100; minute++ {
		mustImport(t, db, "gw", said(minute, "East", ""))
	}
	require.Equal(t, "gw src 0 East, 30 West, 60 East", query(t, direct, nameLog))
}

// An import that fails leaves no names behind, neither in the database nor in
// what the process takes for known.
func testNamesRolledBack(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", said(0, "East", ""))
	_, err := direct.Exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.name = 'West' THEN RAISE EXCEPTION 'not today'; END IF; RETURN NEW; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON vpn_traffic_name_history
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	require.NoError(t, err)
	_, err = db.Import(t.Context(), "gw", said(5, "West", ""))
	require.ErrorContains(t, err, "not today", "at the commit")
	require.Equal(t, "gw src 0 East", query(t, direct, nameLog))
	require.Equal(t, "1", query(t, direct, `SELECT count(*) FROM vpn_traffic`))
	_, err = direct.Exec(`DROP TRIGGER refuse ON vpn_traffic_name_history`)
	require.NoError(t, err)
	require.Equal(t, store.Result{Inserted: 1}, mustImport(t, db, "gw", said(5, "West", "")))
	require.Equal(t, "gw src 0 East, 5 West", query(t, direct, nameLog))
}

// Imports of the same host at once neither wait for each other for ever nor
// write anything twice.
func testNamesAtOnce(t *testing.T, db *store.DB, direct *sql.DB) {
	dsn := dsnOf(t, direct)
	other, err := store.Open(dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	const reports, most = 24, 40
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			to := []*store.DB{db, other}[n%2]
			for i := range reports {
				minute := (i*7 + n*5) % reports // each in an order of its own
				rows := series(noon.Add(time.Duration(minute)*time.Minute), most)
				for r := range rows {
					rows[r].SrcName, rows[r].DstName = "A", fmt.Sprint("name ", minute/8)
				}
				_, err := to.Import(t.Context(), "gw", rows)
				for pgconn.ClassOf(err) == pgconn.Retry && !errors.Is(err, t.Context().Err()) {
					_, err = to.Import(t.Context(), "gw", rows)
				}
				if err != nil {
					t.Errorf("importing: %v", err)
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, "0 A", query(t, direct, `SELECT string_agg(extract(epoch FROM since - '2023-11-14 12:00Z')::integer / 60 || ' ' || name, ', ')
		FROM vpn_traffic_name_history WHERE kind = 'src'`))
	require.Equal(t, "40 0 name 0, 8 name 1, 16 name 2", query(t, direct, `SELECT string_agg(n || ' ' || log, '; ') FROM (
		SELECT count(*) AS n, log FROM (
			SELECT string_agg(extract(epoch FROM since - '2023-11-14 12:00Z')::integer / 60 || ' ' || name, ', ' ORDER BY since) AS log
			FROM vpn_traffic_name_history WHERE kind = 'dst' GROUP BY address) AS logs GROUP BY log) AS all_logs`))
}

// Retention deletes names that were replaced before it, never those in force.
func testNamesRetained(t *testing.T, db *store.DB, direct *sql.DB) {
	const day = 24 * 60
	for _, at := range []struct {
		day  int
		name string
	}{{0, "East"}, {1, "West"}, {2, "North"}, {100, "South"}, {120, "South"}} {
		mustImport(t, db, "gw", said(at.day*day, at.name, "Web"))
	}
	gone := said(0, "Gone", "")
	gone[0].Src = "10.99.0.0"
	mustImport(t, db, "gw", gone)
	retain := func(days int, keep schema.Retention) string {
		t.Helper()
		_, err := db.Retain(t.Context(), time.Now(), asOf(noon.AddDate(0, 0, days), keep))
		require.NoError(t, err)
		return query(t, direct, `SELECT coalesce(string_agg(name, ' ' ORDER BY since, name), '') FROM vpn_traffic_name_history`)
	}
	week := schema.Retention{Raw: 24 * time.Hour, Minute: 24 * time.Hour, Hour: 7 * 24 * time.Hour}
	forever := schema.Retention{Raw: 24 * time.Hour, Minute: 24 * time.Hour}
	require.Equal(t, "East Gone Web West North South", retain(200, forever))
	require.Equal(t, "Web North South", retain(60, week), "of the last, no row is left")
	require.Equal(t, "Web South", retain(150, week))
	require.Equal(t, "Web South", retain(140, week))
	require.Equal(t, "Web South", retain(200, week), "what is newest stays")
}

// A report whose names are all known asks nothing.
func testKnownNamesCostNothing(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", said(0, "East", "Web"))
	_, err := direct.Exec(`ALTER TABLE vpn_traffic_name_history RENAME TO away`)
	require.NoError(t, err)
	for minute := 1; minute < 60; minute++ {
		mustImport(t, db, "gw", said(minute, "East", "Web"))
	}
	_, err = db.Import(t.Context(), "gw", said(60, "East", "Web"))
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "%v", err)
}

// People may give names to what is stored already.
func testNamesByHand(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", said(0, "", ""))
	_, err := direct.Exec(`INSERT INTO vpn_traffic_name_history (kind, address, host, since, name) VALUES
		('src', '10.32.0.0', 'gw', '-infinity', 'Library'), ('dst', '10.33.0.0', 'gw', 'infinity', 'Never')`)
	require.NoError(t, err)
	require.Equal(t, "Library (10.32.0.0)", label(t, direct, 1))
	mustImport(t, db, "gw", said(5, "Library", "Web"))
	mustImport(t, db, "gw", said(10, "Annex", "Web"))
	require.Equal(t, "-infinity Library, 2023-11-14 12:05:00+00 Web, 2023-11-14 12:10:00+00 Annex, infinity Never", query(t, direct,
		`SELECT string_agg((since AT TIME ZONE 'UTC')::text || CASE WHEN isfinite(since) THEN '+00 ' ELSE ' ' END || name, ', ' ORDER BY since)
		FROM vpn_traffic_name_history`))
}

func testNamesShown(t *testing.T, db *store.DB, direct *sql.DB) {
	rows := series(noon, 3) // one source, three destinations
	rows[0].SrcName, rows[0].DstName = "team (one)", "Web"
	rows[1].DstName = rows[1].Dst // a name that says nothing new
	rows[0].DstBytes = 100
	mustImport(t, db, "gw", rows)
	args := []any{noon, noon.Add(time.Minute)}
	require.Equal(t, "Web (10.33.0.0)/10.33.0.0, all others/all others", query(t, direct,
		`SELECT string_agg(name || '/' || key, ', ') FROM vpn_traffic_totals($1, $2, 'dst', top => 1)`, args...))
	require.Equal(t, "10.33.1.0/10.33.1.0, 10.33.2.0/10.33.2.0, Web (10.33.0.0)/10.33.0.0", query(t, direct,
		`SELECT string_agg(name || '/' || key, ', ' ORDER BY name) FROM vpn_traffic_series($1, $2, '1 minute', 'dst')`, args...))
	require.Equal(t, "team (one) (10.32.0.0) → 10.33.1.0/10.32.0.0 → 10.33.1.0, all others/all others", query(t, direct,
		`SELECT string_agg(name || '/' || key, ', ' ORDER BY name DESC) FROM vpn_traffic_series($1, $2, '1 minute', 'pair',
			dst => '{10.33.1.0, 10.33.2.0}', top => 1)`, args...))
	require.Equal(t, "total/total", query(t, direct, `SELECT name || '/' || key FROM vpn_traffic_totals($1, $2)`, args...))
	require.Equal(t, "tcp/443/tcp/443", query(t, direct, `SELECT name || '/' || key FROM vpn_traffic_totals($1, $2, 'service')`, args...))
	require.Equal(t, "10.32.0.0 10.33.0.0 team (one) (10.32.0.0) Web (10.33.0.0)", query(t, direct,
		`SELECT concat_ws(' ', source, destination, source_name, destination_name) FROM vpn_traffic_pairs($1, $2, top => 1)`, args...))
	require.Equal(t, "10.32.0.0/team (one) (10.32.0.0)", query(t, direct, `SELECT value || '/' || name FROM vpn_traffic_values('src', $1, $2)`, args...))
	require.Equal(t, "443/443", query(t, direct, `SELECT value || '/' || name FROM vpn_traffic_values('port', $1, $2)`, args...))
}

package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

var noon = time.Date(2023, 11, 14, 12, 0, 0, 0, time.UTC)

// series returns n rows of one report, with different keys.
func series(at time.Time, n int) []reportfile.Row {
	rows := make([]reportfile.Row, n)
	for i := range rows {
		rows[i] = reportfile.Row{
			Time: at.UnixNano(), Proto: "tcp", Port: 443,
			Src: fmt.Sprintf("10.32.%d.0", i/200), Dst: fmt.Sprintf("10.33.%d.0", i%200),
			SrcPackets: 1, SrcBytes: 2, DstPackets: 3, DstBytes: 4,
			ConnectionCount: 5, ConnectionTimes: 6, OpenConnections: 7, HasOpen: true,
		}
	}
	return rows
}

// fresh gives a migrated database, a copy of one: a migration takes longer.
func fresh(t *testing.T) (*store.DB, *sql.DB) {
	t.Helper()
	return opened(t, testkit.DatabaseLike(t, "migrated", func(pg *testkit.PG) {
		pg.Exec("CREATE SCHEMA " + tables)
		db, err := store.Open(pg.DSN() + inTables)
		require.NoError(t, err)
		require.NoError(t, db.Migrate(t.Context()))
		require.NoError(t, db.Close())
	}))
}

// freshOn gives one on a server of the test's own.
func freshOn(t *testing.T, pg *testkit.PG) (*store.DB, *sql.DB) {
	t.Helper()
	pg.Exec("CREATE SCHEMA " + tables)
	db, direct := opened(t, pg)
	require.NoError(t, db.Migrate(t.Context()))
	return db, direct
}

// The schema of their tables, which may be any.
const tables, inTables = "traffic", " search_path=traffic"

func opened(t *testing.T, pg *testkit.PG) (*store.DB, *sql.DB) {
	t.Helper()
	db, err := store.Open(pg.DSN() + inTables)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	direct, err := sql.Open("postgres", pg.DSN()+inTables)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, direct.Close()) })
	return db, direct
}

// dsnOf returns how to connect once more.
func dsnOf(t *testing.T, direct *sql.DB) string {
	t.Helper()
	return query(t, direct, `SELECT 'dbname=' || current_database() || ' user=postgres sslmode=disable host=' || current_setting('unix_socket_directories')`) + inTables
}

func query(t *testing.T, db *sql.DB, text string, args ...any) (value string) {
	t.Helper()
	require.NoError(t, db.QueryRow(text, args...).Scan(&value), text)
	return value
}

func mustImport(t *testing.T, db *store.DB, host string, rows []reportfile.Row) store.Result {
	t.Helper()
	result, err := db.Import(t.Context(), host, rows)
	require.NoError(t, err)
	return result
}

func TestDatabase(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *store.DB, *sql.DB){
		"schema":     testSchema,
		"repeats":    testRepeats,
		"hosts":      testHosts,
		"extremes":   testExtremes,
		"days":       testDays,
		"no days":    testNoDays,
		"readers":    testReaders,
		"dropped":    testDroppedPartition,
		"refused":    testRefused,
		"states":     testStates,
		"concurrent": testConcurrent,
		"cancelled":  testCancelled,
		"defaults":   testDefaults,
		"rollups":    testRollups,
		"gauges":     testGauges,
		"overflow":   testOverflow,
		"verify":     testVerify,
		"retention":  testRetention,
		"expired":    testExpired,
		"clocks":     testClocks,
		"old rows":   testOldRowsOnce,
		"depended":   testDependedOn,
		"exact":      testExact,
		"stray":      testStray,
		"forgotten":  testForgottenMeanwhile,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, direct := fresh(t)
			test(t, db, direct)
		})
	}
}

func testSchema(t *testing.T, db *store.DB, direct *sql.DB) {
	const columns = `SELECT string_agg(column_name || ' ' || data_type || coalesce(' ' || collation_name, ''), ', ' ORDER BY ordinal_position)
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'vpn_traffic'`
	require.Equal(t, "time timestamp with time zone, src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint, "+
		"connection_times bigint, connection_count integer, port integer, open_connections integer, "+
		"src text C, dst text C, proto text C, host text C", query(t, direct, columns))

	mustImport(t, db, "gw", series(noon, 3))
	// The queries that the old dashboards ask.
	require.Equal(t, "9", query(t, direct, `SELECT sum(dst_packets) FROM vpn_traffic
		WHERE src IN ('10.32.0.0') AND proto = 'tcp' AND time BETWEEN '2023-11-14 11:00Z' AND '2023-11-14 13:00Z'`))
	require.Equal(t, "1.2000000000000000", query(t, direct, `SELECT sum(connection_times) / nullif(sum(connection_count), 0)
		FROM vpn_traffic WHERE port = 443 AND open_connections = 7`))
	require.Equal(t, "10.32.0.0/32", query(t, direct, `SELECT DISTINCT src::cidr FROM vpn_traffic`))
	require.NoError(t, db.Migrate(t.Context()), "a second time")
}

func testRepeats(t *testing.T, db *store.DB, direct *sql.DB) {
	all := series(noon, 3000)
	all = append(all, series(noon.Add(15*time.Second), 3000)...)
	original := append([]reportfile.Row(nil), all...)
	require.Equal(t, store.Result{Inserted: 2000}, mustImport(t, db, "gw", all[:2000]))
	require.Equal(t, store.Result{Inserted: 3500, Duplicates: 1500}, mustImport(t, db, "gw", all[500:5500]))
	require.Equal(t, store.Result{Inserted: 500, Duplicates: 5500}, mustImport(t, db, "gw", all))
	require.Equal(t, store.Result{Duplicates: 6000}, mustImport(t, db, "gw", all))
	require.Equal(t, original, all, "rows are left as they are")

	twice := series(noon.Add(time.Minute), 2)
	twice = append(twice, twice...)
	twice[2].SrcBytes = 1000
	require.Equal(t, store.Result{Inserted: 2, Duplicates: 2, Conflicts: 1}, mustImport(t, db, "gw", twice))
	twice = twice[2:]
	twice[1].OpenConnections, twice[1].HasOpen = 0, false
	require.Equal(t, store.Result{Duplicates: 2, Conflicts: 1}, mustImport(t, db, "gw", twice), "a gauge that is not told is no other number")
	require.Equal(t, "4", query(t, direct, `SELECT sum(src_bytes) FROM vpn_traffic WHERE time = $1`, noon.Add(time.Minute)), "the first wins")
	require.Equal(t, "6002", query(t, direct, `SELECT count(*) FROM vpn_traffic`))
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM (SELECT FROM vpn_traffic
		GROUP BY host, time, src, dst, proto, port HAVING count(*) > 1) AS twice`))
}

func testHosts(t *testing.T, db *store.DB, direct *sql.DB) {
	odd := `gw\n "1"`
	mustImport(t, db, "", series(noon, 10))
	mustImport(t, db, odd, series(noon, 10))
	require.Equal(t, store.Result{Duplicates: 10}, mustImport(t, db, odd, series(noon, 10)))
	require.Equal(t, "10", query(t, direct, `SELECT count(*) FROM vpn_traffic WHERE host = $1`, odd))
	require.Equal(t, "10", query(t, direct, `SELECT count(*) FROM vpn_traffic WHERE host = ''`))
}

func testExtremes(t *testing.T, db *store.DB, direct *sql.DB) {
	latest := time.Now().Add(reportfile.Ahead - time.Minute).UTC().Truncate(time.Microsecond)
	top := reportfile.Row{
		Time: latest.UnixNano(), Proto: "ipv6-icmp", Src: "2001:db8:1::", Dst: "2001:db8:2::", Port: -1,
		SrcPackets: math.MaxInt64, DstPackets: math.MaxInt64, SrcBytes: math.MaxInt64, DstBytes: math.MaxInt64,
		ConnectionCount: math.MaxInt32, ConnectionTimes: math.MaxInt64, OpenConnections: math.MaxInt32, HasOpen: true,
	}
	bottom := reportfile.Row{Time: reportfile.Earliest, Proto: "0", Src: "x", Dst: "y", Port: 65535}
	rows := []reportfile.Row{top, bottom}
	require.Equal(t, store.Result{Inserted: 2}, mustImport(t, db, "gw", rows))
	require.Equal(t, store.Result{Duplicates: 2}, mustImport(t, db, "gw", rows))
	require.Equal(t, "(\""+strings.TrimRight(latest.Format("2006-01-02 15:04:05.000000"), "0")+"+00\","+
		"9223372036854775807,9223372036854775807,9223372036854775807,9223372036854775807,"+
		"9223372036854775807,2147483647,-1,2147483647,2001:db8:1::,2001:db8:2::,ipv6-icmp,gw)",
		query(t, direct, `SELECT v::text FROM (SELECT * FROM vpn_traffic ORDER BY time DESC LIMIT 1) v`))
	require.Equal(t, "true", query(t, direct, `SELECT open_connections IS NULL FROM vpn_traffic WHERE src = 'x'`))
}

func testDays(t *testing.T, db *store.DB, direct *sql.DB) {
	var rows []reportfile.Row
	for _, at := range []string{
		"2000-01-01T00:00:00Z", "2023-12-31T23:59:59.9999994Z", "2023-12-31T23:59:59.9999996Z", "2024-02-29T12:00:00Z",
	} {
		parsed, err := time.Parse(time.RFC3339Nano, at)
		require.NoError(t, err)
		rows = append(rows, series(parsed, 1)...)
	}
	require.Equal(t, store.Result{Inserted: 4}, mustImport(t, db, "gw", rows))
	require.Equal(t, store.Result{Duplicates: 4}, mustImport(t, db, "gw", rows))
	require.Equal(t, "vpn_traffic_20000101 1, vpn_traffic_20231231 1, vpn_traffic_20240101 1, vpn_traffic_20240229 1",
		query(t, direct, `SELECT string_agg(p || ' ' || n, ', ' ORDER BY p) FROM
			(SELECT tableoid::regclass::text AS p, count(*) AS n FROM vpn_traffic GROUP BY 1) AS parts`))
	require.Equal(t, "3", query(t, direct, `SELECT count(*) FROM pg_indexes
		WHERE schemaname = current_schema() AND tablename = 'vpn_traffic_20240229'`))
}

// Whoever gives us times that nobody accounted at is refused, by the clock of the
// database.
func testNoDays(t *testing.T, db *store.DB, direct *sql.DB) {
	for _, at := range []time.Time{time.Unix(86400, 0), time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC), time.Now().AddDate(0, 0, 5)} {
		_, err := db.Import(t.Context(), "gw", series(at, 1))
		require.ErrorContains(t, err, "is before 2000, or more than two days ahead by the clock of the database")
		require.Equal(t, pgconn.Reject, pgconn.ClassOf(err))
	}
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM vpn_traffic_partitions`))
}

// A dashboard that never ends its transaction must not hold up a new day.
func testReaders(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", series(noon, 1))
	reader, err := direct.Begin()
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Rollback()) }()
	_, err = reader.Exec(`SELECT count(*) FROM vpn_traffic`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = db.Import(ctx, "gw", series(noon.AddDate(0, 0, 1), 1))
	require.NoError(t, err)
}

func testDroppedPartition(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", series(noon, 1))
	_, err := direct.Exec(`DROP TABLE vpn_traffic_20231114`)
	require.NoError(t, err)
	_, err = db.Import(t.Context(), "gw", series(noon.Add(time.Minute), 1))
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "%v", err)
	require.Equal(t, store.Result{Inserted: 1}, mustImport(t, db, "gw", series(noon.Add(time.Minute), 1)))
}

func testRefused(t *testing.T, db *store.DB, direct *sql.DB) {
	_, err := direct.Exec(`ALTER TABLE vpn_traffic ADD CONSTRAINT small CHECK (src_bytes < 100)`)
	require.NoError(t, err)
	rows := series(noon, 3)
	rows[1].SrcBytes = 100
	_, err = db.Import(t.Context(), "gw", rows)
	require.Equal(t, pgconn.Reject, pgconn.ClassOf(err), "%v", err)
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM vpn_traffic`))
	require.Equal(t, store.Result{Inserted: 2}, mustImport(t, db, "gw", []reportfile.Row{rows[0], rows[2]}), "the connection is usable")

	_, err = direct.Exec(`DROP TABLE vpn_traffic_reports`)
	require.NoError(t, err)
	_, err = db.Import(t.Context(), "gw", rows[:1])
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "%v", err)
}

// Several importers, each with its own process's view, of the same and of other
// hosts' rows, in different orders.
func testConcurrent(t *testing.T, db *store.DB, direct *sql.DB) {
	var all []reportfile.Row
	for i := range 20 {
		all = append(all, series(noon.Add(time.Duration(i)*time.Hour), 100)...)
	}
	const importers = 6
	var inserted [2]int
	var mu sync.Mutex
	var group sync.WaitGroup
	for n := range importers {
		group.Go(func() {
			host := n % 2
			for i := range len(all) / 250 {
				part := all[(i*250+n*500)%len(all):]
				part = part[:min(350, len(part))]
				for {
					result, err := db.Import(t.Context(), fmt.Sprintf("gw%d", host), part)
					if pgconn.ClassOf(err) == pgconn.Retry {
						continue
					}
					if err != nil {
						t.Errorf("importing: %v", err)
					}
					mu.Lock()
					inserted[host] += result.Inserted
					mu.Unlock()
					break
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, [2]int{2000, 2000}, inserted)
	requireRollups(t, db)
	require.Equal(t, "4000 4000", query(t, direct, `SELECT count(*) || ' ' || count(DISTINCT (host, time, src, dst, proto, port)) FROM vpn_traffic`))
}

func testCancelled(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", series(noon, 1)) // makes the partition
	blocker, err := direct.Begin()
	require.NoError(t, err)
	_, err = blocker.Exec(`LOCK TABLE vpn_traffic IN SHARE MODE`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = db.Import(ctx, "gw", series(noon.Add(time.Minute), 1000))
	require.Error(t, err)
	require.Less(t, time.Since(begin), 10*time.Second)
	require.NoError(t, blocker.Rollback())
	require.Equal(t, store.Result{Inserted: 1000}, mustImport(t, db, "gw", series(noon.Add(time.Minute), 1000)))
}

// The import is exact even where the server's default isolation is another,
// and does not write where the default is to write nothing.
func testDefaults(t *testing.T, _ *store.DB, direct *sql.DB) {
	dsn := dsnOf(t, direct)
	strict, err := store.Open(dsn + " default_transaction_isolation=serializable")
	require.NoError(t, err)
	defer func() { require.NoError(t, strict.Close()) }()
	rows := series(noon, 1000)
	const importers = 4
	results := make(chan store.Result, importers)
	for range importers {
		go func() {
			result, err := strict.Import(context.Background(), "gw", rows)
			if err != nil {
				t.Errorf("importing: %v", err)
			}
			results <- result
		}()
	}
	inserted := 0
	for range importers {
		inserted += (<-results).Inserted
	}
	require.Equal(t, 1000, inserted)

	readOnly, err := store.Open(dsn + " default_transaction_read_only=on")
	require.NoError(t, err)
	defer func() { require.NoError(t, readOnly.Close()) }()
	_, err = readOnly.Import(t.Context(), "gw", rows)
	require.ErrorContains(t, err, "read-only")
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
}

func TestTheOldTableIsRefusedAndKept(t *testing.T) {
	pg := testkit.Database(t)
	old := pg.DB()
	_, err := old.Exec(upgradedTable + `INSERT INTO vpn_traffic (time) VALUES (now())`)
	require.NoError(t, err)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	err = db.Migrate(t.Context())
	require.ErrorIs(t, err, schema.ErrOldTable)
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
	require.Equal(t, "1", query(t, old, `SELECT count(*) FROM vpn_traffic`))
}

func TestSeveralMigrateAtOnce(t *testing.T) {
	pg := testkit.Database(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			db, err := store.Open(pg.DSN())
			if err == nil {
				err = errors.Join(db.Migrate(context.Background()), db.Close())
			}
			if err != nil {
				t.Errorf("migrating: %v", err)
			}
		})
	}
	group.Wait()
}

func TestAnAbsentServerIsRetried(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	for _, end := range []func(){func() { pg.Stop("fast") }, pg.Kill9} {
		end()
		_, err = db.Import(t.Context(), "gw", series(noon, 1))
		require.Error(t, err)
		require.True(t, pgconn.IsUnreachable(err), "%v", err)
		require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
		pg.Start()
	}
	other, err := store.Open(pg.DSN() + " dbname=absent")
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	err = other.Migrate(t.Context())
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "%v", err)
	require.False(t, pgconn.IsUnreachable(err))
}

func TestADSNIsNeverQuoted(t *testing.T) {
	for name, dsn := range map[string]string{
		"keywords":   "host=localhost password=my secret words",
		"URL's port": "postgres://user:secret@localhost:port/db",
		"URL's %":    "postgres://user:%secret@localhost/db",
		"mode":       "host=localhost sslmode=secret",
		"file":       "service=secret",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(dsn)
			require.ErrorContains(t, err, "malformed dsn: ")
			require.NotContains(t, err.Error(), "secret")
			t.Log(err)
		})
	}
}

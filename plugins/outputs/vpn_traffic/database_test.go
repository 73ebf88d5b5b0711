package vpn_traffic

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/testkit"
)

// logText is a log that a test reads while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sink is a plugin under test.
type sink struct {
	*VPNTraffic
	t   *testing.T
	log *logText
}

func newSink(t *testing.T, dsn, spool string) *sink {
	s := &sink{VPNTraffic: New(), t: t, log: &logText{}}
	s.DSN, s.Spool = dsn, spool
	s.Retention, s.RetentionMinute, s.RetentionHour = 0, 0, 0 // the tests' rows are old
	s.Log = execd.NewLogger(s.log, s.log, true)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the sink's log:\n%s", s.log)
		}
	})
	return s
}

func (s *sink) open() *sink {
	s.t.Helper()
	require.NoError(s.t, s.Init())
	require.NoError(s.t, s.Connect())
	return s
}

func (s *sink) write(metrics ...telegraf.Metric) {
	s.t.Helper()
	require.NoError(s.t, s.Write(metrics))
}

func (s *sink) close() { require.NoError(s.t, s.Close()) }

func (s *sink) drop(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.Spool, "new", name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(s.t, os.Chtimes(path, old, old))
}

func (s *sink) files(folder string) []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.Spool, folder, "*"))
	require.NoError(s.t, err)
	return paths
}

// drained waits until nothing is left to import.
func (s *sink) drained() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.files("new")) == 0 }, 3*time.Minute, 10*time.Millisecond)
}

// reports returns n metrics of one host and time, with different keys.
func reports(host string, at time.Time, n int) []telegraf.Metric {
	metrics := make([]telegraf.Metric, n)
	for i := range metrics {
		metrics[i] = traffic(map[string]string{"host": host, "src": fmt.Sprintf("10.%d.%d.0", 32+i/250, i%250)}, nil)
		metrics[i].SetTime(at)
	}
	return metrics
}

func query(t *testing.T, db *sql.DB, text string, args ...any) (value string) {
	t.Helper()
	require.NoError(t, db.QueryRow(text, args...).Scan(&value), text)
	return value
}

// exact is "number of rows, number of keys".
const exact = `SELECT count(*) || ', ' || count(DISTINCT (host, time, src, dst, proto, port)) FROM vpn_traffic`

// schemas gives each test a schema of its own on one server.
func schemas(t *testing.T) func(*testing.T) (dsn string, db *sql.DB) {
	pg := testkit.Database(t)
	return func(t *testing.T) (string, *sql.DB) {
		schema := "s_" + strings.ToLower(filepath.Base(t.Name()))
		_, err := pg.DB().Exec("CREATE SCHEMA " + schema)
		require.NoError(t, err)
		dsn := pg.DSN() + " search_path=" + schema
		db, err := sql.Open("postgres", dsn)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return dsn, db
	}
}

func TestSink(t *testing.T) {
	fresh := schemas(t)
	for name, test := range map[string]func(*testing.T, string, *sql.DB){
		"Batches":        testBatches,
		"OldFiles":       testOldFiles,
		"BadRows":        testBadRows,
		"Packed":         testPacked,
		"Refused":        testRefused,
		"Unknown":        testUnknown,
		"Trigger":        testTrigger,
		"Detached":       testDetached,
		"Hosts":          testHosts,
		"Names":          testNames,
		"Big":            testBig,
		"Lock":           testLock,
		"OldTable":       testOldTable,
		"Archive":        testArchive,
		"OneName":        testTwoGatewaysOfOneName,
		"Metrics":        testMetricsFile,
		"Closing":        testClosing,
		"MetricsRefused": testMetricsRefused,
		"MetricsThatLie": testMetricsThatLie,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, db := fresh(t)
			test(t, dsn, db)
		})
	}
}

func testBatches(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	all := append(reports("gw", noon, 100), reports("gw", noon.Add(15*time.Second), 100)...)
	s.write(all[:120]...)
	s.write(all[:120]...)
	s.write(all[60:]...)
	s.write(all[199])
	s.close() // which imports what is left
	require.Equal(t, "200, 200", query(t, db, exact))
	require.Equal(t, "200 400 600 800 1200 1000 1400", query(t, db, `SELECT concat_ws(' ', sum(src_packets), sum(src_bytes),
		sum(dst_packets), sum(dst_bytes), sum(connection_times), sum(connection_count), sum(open_connections)) FROM vpn_traffic`))
	require.Empty(t, s.files("new"))
	require.Contains(t, s.log.String(), "I! imported 200 rows from 4 reports, 181 duplicates, 0 rejected in this run; 0 bytes wait in the spool\n")
}

// Two gateways of one name are no duplicates: what is lost by that is counted and said.
func testTwoGatewaysOfOneName(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	s.write(reports("gw", noon, 10)...)
	other := reports("gw", noon, 12)
	for _, m := range other {
		m.AddField("src_bytes", int64(77))
	}
	s.write(other...)
	s.drained()
	s.write(other...)
	s.close()
	require.Equal(t, "12 174", query(t, db, `SELECT count(*) || ' ' || sum(src_bytes) FROM vpn_traffic`))
	require.Equal(t, 1, strings.Count(s.log.String(), `rows of host "gw" came again with other numbers and were not stored: two gateways`))
	require.Contains(t, s.log.String(), "22 duplicates (20 of them with other numbers)")
}

func testOldFiles(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	const row = "1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6"
	s.drop("2017-07-14.csv", row+"\n"+row+"\n")
	s.drop("again", row+"\n"+strings.Replace(row, "443", "80", 1)+",7\n")
	s.open()
	s.drained()
	s.drop("later.csv", strings.Replace(row, "443", "22", 1)+"\n")
	s.drained()
	s.close()
	require.Equal(t, "3, 3", query(t, db, exact))
	require.Equal(t, "1 2 3 4 5 6", query(t, db, `SELECT concat_ws(' ', src_packets, dst_packets, src_bytes, dst_bytes,
		connection_count, connection_times) FROM vpn_traffic WHERE port = 443 AND open_connections IS NULL AND host = ''`))
	require.Equal(t, "7", query(t, db, `SELECT open_connections FROM vpn_traffic WHERE port = 80`))
	require.Equal(t, "2017-07-14 02:40:00", query(t, db, `SELECT DISTINCT (time AT TIME ZONE 'UTC')::text FROM vpn_traffic`))
}

func testBadRows(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	batch := reports("gw", noon, 10)
	foreign := traffic(nil, nil)
	foreign.SetName("cpu")
	foreign.RemoveTag("src")
	batch = append(batch, foreign, traffic(nil, map[string]any{"src_bytes": int64(-1)}))
	s.write(batch...)
	s.write(traffic(map[string]string{"port": "x"}, nil))
	s.drop("a.csv", "1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6\nnonsense\n")
	s.drained()
	s.close()
	require.Equal(t, "11, 11", query(t, db, exact))
	rejected := s.files("rejected")
	require.Len(t, rejected, 2)
	text, err := os.ReadFile(rejected[0])
	require.NoError(t, err)
	require.Equal(t, "# line 2: has 1 columns, not 11, 12 or 14\nnonsense\n", string(text))
	text, err = os.ReadFile(rejected[1])
	require.NoError(t, err)
	require.Contains(t, string(text), "# foreign measurement \"cpu\"\ncpu,dst=10.33.0.0,host=gw,port=443,")
	require.Contains(t, string(text), "# src_bytes is negative\n")
	log := s.log.String()
	require.Contains(t, log, `W! rejected 2 of 12 metrics (foreign measurement "cpu": 1, src_bytes is negative: 1): see `+rejected[1])
	require.Regexp(t, `I! storing into vpn\d+ at `, log)
	require.Contains(t, log, "; the first: cpu")
	require.Contains(t, log, "W! rejected 1 of 1 metrics (tag port is not -1 to 65535: 1)")
	require.Contains(t, log, "W! \"a.csv\" has lines that are not rows (line 2: has 1 columns, not 11, 12 or 14); see ")
	require.Contains(t, log, "4 rejected in this run")
}

// A row that only the database refuses is found among the others.
func testRefused(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	s.write(reports("gw", noon, 1)...)
	s.drained()
	_, err := db.Exec(`ALTER TABLE vpn_traffic ADD CONSTRAINT small CHECK (src_bytes < 1000)`)
	require.NoError(t, err)
	batch := reports("gw", noon, 100)
	batch[13].AddField("src_bytes", int64(1000))
	batch[77].AddField("src_bytes", int64(2000))
	s.write(batch...)
	s.drained()
	s.close()
	require.Equal(t, "98, 98", query(t, db, exact))
	text, err := os.ReadFile(s.files("rejected")[0])
	require.NoError(t, err)
	require.Regexp(t, `^# line 14: refused by the database: .*"small".*\n1699963200000000000,tcp,10.32.13.0,.*\n# line 78: .*\n.*,10.32.77.0,.*\n$`, string(text))
}

// A report whose import fails for an unknown reason is tried again, then set
// aside, and the others go on.
func testUnknown(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	s.write(reports("gw", noon, 1)...)
	s.drained()
	_, err := db.Exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF NEW.host = 'bad' THEN RAISE 'no reason'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER fail BEFORE INSERT ON vpn_traffic FOR EACH ROW EXECUTE FUNCTION fail()`)
	require.NoError(t, err)
	s.write(reports("bad", noon, 5)...)
	s.write(reports("good", noon, 5)...)
	s.drained()
	s.close()
	require.Equal(t, "6, 6", query(t, db, exact))
	require.Len(t, s.files("rejected"), 2)
	require.Contains(t, s.log.String(), "W! an import failed (SQLSTATE P0001): ")
	require.Contains(t, s.log.String(), "_bad.csv\" aside in "+s.Spool+"/rejected after 5 attempts: ")
}

// One row for which somebody's trigger raises costs none of the reports around it.
func testTrigger(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	s.write(reports("gw", noon, 1)...)
	s.drained()
	_, err := db.Exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF NEW.src_bytes = 1000 THEN PERFORM 1 FROM absent; END IF; RETURN NEW; END $$;
		CREATE TRIGGER fail BEFORE INSERT ON vpn_traffic FOR EACH ROW EXECUTE FUNCTION fail()`)
	require.NoError(t, err)
	for n := range 20 {
		batch := reports("gw", noon.Add(time.Duration(n)*time.Minute), 10)
		if n == 7 {
			batch[3].AddField("src_bytes", int64(1000))
		}
		s.write(batch...)
	}
	for n := 0; len(s.files("rejected")) == 0; n++ { // others tell that it is not the database
		require.Less(t, n, 600, "the row is found")
		s.write(reports("other", noon.Add(time.Duration(n)*time.Second), 1)...)
		time.Sleep(100 * time.Millisecond)
	}
	s.drained()
	s.close()
	require.Equal(t, "199", query(t, db, `SELECT count(*) FROM vpn_traffic WHERE host = 'gw'`))
	require.Len(t, s.files("rejected"), 1)
	text, err := os.ReadFile(s.files("rejected")[0])
	require.NoError(t, err)
	require.Regexp(t, `^# line 4: refused by the database: .*absent.*\n\d+,tcp,10.32.3.0,.*\n$`, string(text))
}

// A day that takes no rows holds up no other; its rows wait, and are stored when
// somebody has put it right.
func testDetached(t *testing.T, dsn string, db *sql.DB) {
	dir := t.TempDir()
	s := newSink(t, dsn, dir)
	s.Archive = true
	s.open()
	tomorrow := noon.AddDate(0, 0, 1)
	s.write(append(reports("gw", noon, 5), reports("gw", tomorrow, 5)...)...)
	s.drained()
	_, err := db.Exec(`ALTER TABLE vpn_traffic DETACH PARTITION vpn_traffic_20231114`)
	require.NoError(t, err)
	late := noon.Add(time.Minute)
	s.write(append(reports("gw", late, 5), reports("gw", tomorrow.Add(time.Minute), 5)...)...)
	s.drained()
	require.Eventually(t, func() bool { return len(s.files("later")) == 1 }, time.Minute, 10*time.Millisecond)
	s.write(reports("other", tomorrow, 5)...)
	s.drained()
	s.close()
	require.Equal(t, "15, 15", query(t, db, exact))
	require.Empty(t, s.files("rejected"))
	require.Equal(t, 1, strings.Count(s.log.String(), "W! rows of 2023-11-14 cannot be stored: "))
	require.Contains(t, s.log.String(), "a table of that name is there and is no partition, so attach it again, rename it or drop it; they wait in "+dir+"/later")
	require.Contains(t, s.log.String(), ", 1 of its files with rows that the database does not take for now")

	_, err = db.Exec(`ALTER TABLE vpn_traffic ATTACH PARTITION vpn_traffic_20231114 FOR VALUES FROM ('2023-11-14Z') TO ('2023-11-15Z')`)
	require.NoError(t, err)
	s = newSink(t, dsn, dir)
	s.Archive = true
	s.open()
	require.Eventually(t, func() bool { return query(t, db, exact) == "25, 25" }, time.Minute, 10*time.Millisecond)
	s.drained()
	s.close()
	require.Empty(t, s.files("later"))
	require.Len(t, s.files("processed"), 3, "each once")
	testkit.RequireExact(t, db)
}

func testHosts(t *testing.T, dsn string, db *sql.DB) {
	var group sync.WaitGroup
	for _, host := range []string{"gw1", "gw2", "gw1"} { // two say the same
		s := newSink(t, dsn, t.TempDir()).open()
		group.Go(func() {
			for i := range 20 {
				if err := s.Write(reports(host, noon.Add(time.Duration(i)*time.Hour), 100)); err != nil {
					t.Errorf("writing: %v", err)
				}
			}
			s.drained()
			s.close()
		})
	}
	group.Wait()
	require.Equal(t, "4000, 4000", query(t, db, exact))
	require.Equal(t, "2000", query(t, db, `SELECT count(*) FROM vpn_traffic WHERE host = 'gw2'`))
}

// A file of many chunks, its times out of order and some reports longer than a
// chunk.
func testBig(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	var text bytes.Buffer
	const rows, scattered = 165_007, 60_000
	for i := range rows {
		at := noon.Add(time.Duration(i*7%5000) * time.Second)
		if i > scattered {
			at = noon
		}
		fmt.Fprintf(&text, "%d,udp,10.%d.%d.0,10.33.%d.0,53,1,1,1,1,0,0\n", at.UnixNano(), 32+i/50_000, i/250%200, i%250)
	}
	s.drop("big.csv", text.String())
	s.open()
	s.drained()
	s.close()
	require.Equal(t, fmt.Sprintf("%d, %[1]d", rows), query(t, db, exact))
}

func testLock(t *testing.T, dsn string, _ *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	second := newSink(t, dsn, s.Spool)
	require.NoError(t, second.Init())
	require.ErrorContains(t, second.Connect(), "another process imports from this spool")
	s.close()
	require.NoError(t, second.Connect())
	second.close()
}

func testOldTable(t *testing.T, dsn string, db *sql.DB) {
	_, err := db.Exec(`CREATE TABLE vpn_traffic (id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
			src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint, connection_times int, connection_count int, open_connections int,
			UNIQUE (time, src, dst, proto, port))`)
	require.NoError(t, err)
	s := newSink(t, dsn, t.TempDir()).open()
	s.write(reports("gw", noon, 10)...)
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), schema.ErrOldTable.Error()) }, time.Minute, 10*time.Millisecond)
	_, err = db.Exec(`ALTER TABLE vpn_traffic RENAME TO old_traffic`)
	require.NoError(t, err)
	s.drained()
	s.close()
	require.Equal(t, "10, 10", query(t, db, exact))
	require.Equal(t, 1, strings.Count(s.log.String(), "W!"), "logged once")
}

func testArchive(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	s.Archive = true
	s.open()
	s.write(reports("gw", noon, 10)...)
	s.drained()
	archived := s.files("processed")
	require.Len(t, archived, 1)
	require.NoError(t, os.Rename(archived[0], filepath.Join(s.Spool, "new", filepath.Base(archived[0]))))
	s.drained()
	s.close()
	require.Equal(t, "10, 10", query(t, db, exact))
}

func TestTheSinkStartsAndEndsWithoutPostgres(t *testing.T) {
	dir := t.TempDir()
	s := newSink(t, "host="+dir+" dbname=vpn", filepath.Join(dir, "spool")).open()
	s.write(reports("gw", noon, 10)...)
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "W! Postgres is unreachable: vpn at "+dir+" as ") }, time.Minute, 10*time.Millisecond)
	begin := time.Now()
	s.close()
	require.Less(t, time.Since(begin), 3*time.Second)
	require.Len(t, s.files("new"), 1)

	full := newSink(t, s.DSN, s.Spool)
	full.SpoolLimit = config.Size(10)
	full.open()
	require.ErrorContains(t, full.Accepting(), "spool_limit is 10")
	full.close()
}

func TestConnectSaysWhatIsWrongWithTheSpool(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := newSink(t, "", filepath.Join(file, "spool"))
	require.NoError(t, s.Init())
	require.ErrorContains(t, s.Connect(), "making the spool")
}

func TestRetentionAndStatus(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	s := newSink(t, pg.DSN(), t.TempDir())
	s.Retention = config.Duration(30 * day)
	s.RetentionHour = config.Duration(730 * day)
	now := time.Now().UTC().Truncate(time.Second)
	row := func(age time.Duration) string {
		return fmt.Sprintf("%d,tcp,10.0.0.1,10.0.0.2,443,1,1,1,1,0,0\n", now.Add(-age).UnixNano())
	}
	s.drop("old.csv", row(0)+row(40*day)+row(1000*day)+"bad\n")
	s.open()
	s.drained()
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "partitions that are older than their retention") },
		time.Minute, 10*time.Millisecond)
	s.close()
	db := pg.DB()
	var rows, minutes, hours, ahead int
	require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM vpn_traffic), (SELECT count(*) FROM vpn_traffic_minute_by_src),
		(SELECT count(*) FROM vpn_traffic_hour_by_src), (SELECT count(*) FROM vpn_traffic_partitions WHERE parent = 'vpn_traffic')`).
		Scan(&rows, &minutes, &hours, &ahead))
	require.Equal(t, []int{1, 3, 2, 3}, []int{rows, minutes, hours, ahead})

	var status string
	require.NoError(t, db.QueryRow(`SELECT concat_ws(' ', rows, duplicates, expired, rejected, reports, spool_files, spool_bytes,
		spool_oldest IS NULL, last_commit > started, seconds_per_report > 0, updated >= last_commit) FROM sink_status WHERE sink LIKE '%:' || $1`, s.Spool).Scan(&status))
	require.Equal(t, "3 0 0 1 1 0 0 t t t t", status)
}

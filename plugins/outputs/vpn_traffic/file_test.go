package vpn_traffic

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/lines"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
	"telegraf-conntrack-accounting/internal/unpack"
)

// metricLine is a metric of line protocol, of a measurement and host.
func metricLine(measurement, host string, port int) string {
	return fmt.Sprintf("%s,dst=10.33.0.0,host=%s,port=%d,proto=tcp,src=10.32.1.0,src_name=A\\ B src_packets=1i,src_bytes=77i,dst_packets=3i,dst_bytes=400i,open_connections=2i,note=\"two\nlines\" 1700000000000000001\n",
		measurement, host, port)
}

func metricOf(t *testing.T, line string) telegraf.Metric {
	m, err := lines.Decode([]byte(line), time.Time{})
	require.NoError(t, err)
	return m
}

// What a name_prefix had rejected comes in once its measurement is named and the file
// is moved back to new/, once however often that is done; what is still wrong with
// some of it is said below it again.
func testMetricsFile(t *testing.T, dsn string, db *sql.DB) {
	dir := t.TempDir()
	s := newSink(t, dsn, dir).open()
	for _, host := range []string{"gw\\ 1", "gw2", "gw\\ 1"} {
		s.Rejected([]byte("junk"), os.ErrInvalid)
		for port := range 10 {
			s.write(metricOf(t, metricLine("raw_traffic", host, port)))
		}
	}
	s.write(metricOf(t, strings.ReplaceAll(metricLine("raw_traffic", "gw3", 1), "src=10.32.1.0", "src=nowhere")))
	s.close()
	require.Equal(t, "0", query(t, db, `SELECT count(*) FROM vpn_traffic`))
	daily := s.files("rejected")
	require.Len(t, daily, 1)
	text, err := os.ReadFile(daily[0])
	require.NoError(t, err)

	s = newSink(t, dsn, dir)
	s.Measurements = []string{"raw_traffic"}
	s.open()
	for n, packed := range []string{string(text), zipped(t, string(text)), zstandard(t, "\ufeff"+string(text))} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "rejected", filepath.Base(daily[0]))))
		s.drop(filepath.Base(daily[0]), packed)
		s.drained()
		require.Equal(t, "gw 1:10 gw2:10", query(t, db, `SELECT string_agg(host || ':' || n, ' ' ORDER BY host) FROM (SELECT host, count(*) n FROM vpn_traffic GROUP BY host) h`), n)
		require.Equal(t, "77 1 3 400 2", query(t, db, `SELECT DISTINCT concat_ws(' ', src_bytes, src_packets, dst_packets, dst_bytes, open_connections) FROM vpn_traffic`))
		again := read(t, dir, "rejected", "*.txt")
		require.Contains(t, again, ": src is neither an address nor a prefix\nraw_traffic,")
		require.Equal(t, 3, strings.Count(again, "\n\"junk\"\n"))
		require.Equal(t, 1, strings.Count(again, "raw_traffic,"), again)
	}
	s.close()
	require.Equal(t, "A B", query(t, db, `SELECT DISTINCT name FROM vpn_traffic_name_history WHERE kind = 'src'`))
	testkit.RequireExact(t, db)
}

// What the database does not take of such a file is kept with its host.
func testMetricsRefused(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	s.write(reports("gw", noon, 1)...)
	s.drained()
	_, err := db.Exec(`ALTER TABLE vpn_traffic ADD CONSTRAINT small CHECK (port < 1000);
		ALTER TABLE vpn_traffic DETACH PARTITION vpn_traffic_20231114`)
	require.NoError(t, err)
	s.drop("metrics.txt", metricLine("traffic", "gw1", 1)+metricLine("traffic", "gw2", 2)+
		strings.Replace(metricLine("traffic", "gw2", 2000), " 17000", " 16000", 1)+strings.Replace(metricLine("traffic", "gw2", 3), " 17000", " 16000", 1))
	s.drained()
	require.Equal(t, "gw2 3", query(t, db, `SELECT string_agg(host || ' ' || port, ', ') FROM vpn_traffic`))
	kept := read(t, s.Spool, "rejected", "metrics.txt")
	require.Regexp(t, `^# line 5: refused by the database: .*"small".*\nconntrack_accounting,dst=10.33.0.0,host=gw2,port=2000,proto=tcp,src=10.32.1.0,src_name=A\\ B .*src_bytes=77i.* 1600000000000000001\n$`, kept)
	later := read(t, s.Spool, "later", "metrics.txt")
	require.Equal(t, 2, strings.Count(later, "\nconntrack_accounting,"), later)
	_, err = db.Exec(`ALTER TABLE vpn_traffic ATTACH PARTITION vpn_traffic_20231114 FOR VALUES FROM ('2023-11-14Z') TO ('2023-11-15Z')`)
	require.NoError(t, err)
	s.close()
	s = newSink(t, dsn, s.Spool).open()
	require.Eventually(t, func() bool {
		return query(t, db, `SELECT string_agg(host || ' ' || port, ', ' ORDER BY host, port) FROM vpn_traffic WHERE port < 10`) == "gw1 1, gw2 2, gw2 3"
	}, time.Minute, 10*time.Millisecond)
	s.drained()
	s.close()
	testkit.RequireExact(t, db)
}

// Files that lie: what is in the text of a metric is no row, what has no time would be
// stored each time, and what is too long to be kept line by line is kept as a file.
func testMetricsThatLie(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	good := metricLine("traffic", "gw", 1)
	forged := "1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,2,3,4,5,6\n" + metricLine("traffic", "victim", 2)
	aside := map[string]string{
		"open.txt": good + "traffic,host=gw note=\"\n" + strings.ReplaceAll(forged, `"`, `\"`),
		"long.txt": good + "traffic,host=gw note=\"" + strings.Repeat("x", 2<<20) + "\" 1\n" + metricLine("traffic", "gw", 3),
		"long.csv": "1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,20,30,400,5,6\n" + strings.Repeat("x", 5000) + "\n",
	}
	for name, text := range aside {
		s.drop(name, text)
	}
	s.drop("inner.txt", "traffic,host=gw note=\"\n"+strings.ReplaceAll(forged, `"`, `\"`)+"\"\n"+good)
	s.drop("timeless.txt", good+strings.Replace(good, " 1700000000000000001", "", 1)+"conntrack_accounting_internal destroy_events=1i 1\n")
	s.drop("cut.txt", good+strings.NewReplacer("two\n", "", "001\n", "001").Replace(metricLine("traffic", "gw", 4)))
	s.open()
	s.drained()
	s.close()
	require.Equal(t, ":443 gw:1 gw:3", query(t, db, `SELECT string_agg(host || ':' || port, ' ' ORDER BY host, port) FROM vpn_traffic`))
	for name, text := range aside {
		require.Equal(t, text, read(t, s.Spool, "rejected", name), name)
		require.Regexp(t, `line \d+: .*(longer than|does not end)`, read(t, s.Spool, "rejected", name+".why"))
	}
	require.Contains(t, read(t, s.Spool, "rejected", "inner.txt"), "# line 1: ")
	require.Contains(t, read(t, s.Spool, "rejected", "timeless.txt"), "# line 3: has no time")
	require.Contains(t, read(t, s.Spool, "rejected", "cut.txt"), "has no line end")
}

func TestTheKindOfAFile(t *testing.T) {
	const row = "1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,2,300,400,5,6"
	metric := metricLine("traffic", "gw", 1)
	for name, test := range map[string]struct {
		text    string
		metrics bool
	}{
		"row":                      {row + "\n", false},
		"name like a metric":       {row + `,,"a b=""c d""",x` + "\n" + metric, false},
		"nothing":                  {"", false},
		"comments":                 {strings.Repeat("# a b=1 1\n", 200), false},
		"metric":                   {metric, true},
		"metric named by a number": {"1," + strings.SplitN(metric, ",", 2)[1], true},
		"long comment":             {"#" + strings.Repeat("x", 3000) + "\n\n" + metric, true},
		"junk first":               {"\"junk\"\nmore junk\n" + metric, true},
		"junk only":                {"junk\n", false},
		"without an end":           {strings.Repeat("x", 70_000), false},
		"open text":                {"a b=\"" + strings.Repeat("x\n", 70_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := unpack.New(strings.NewReader(test.text))
			require.NoError(t, err)
			f := ingest.NewFileReader(New().Converter())
			f.Reset(in, "given")
			require.Equal(t, test.metrics, f.Metrics())
		})
	}
}

// FuzzFile: whatever a file is, it is read to its end, and a row of it comes back from
// the line that it is kept as.
func FuzzFile(f *testing.F) {
	f.Add("1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,2,300,400,5,6\n")
	f.Add("# x\n" + metricLine("traffic", "g\\ w", 1))
	f.Add("a b=\"\n" + metricLine("traffic", "gw", 1))
	f.Fuzz(func(t *testing.T, text string) {
		files := ingest.NewFileReader(New().Converter())
		rows, hosts := readFile(t, files, text)
		for n := range rows {
			for _, metrics := range []bool{false, true} {
				again, host := readFile(t, files, files.Text(&rows[n], hosts[n], metrics)+"\n")
				require.Equal(t, rows[n:n+1], again)
				if metrics && hosts[n] != "" {
					require.Equal(t, hosts[n:n+1], host)
				}
			}
		}
	})
}

func readFile(t *testing.T, files *ingest.FileReader, text string) (rows []reportfile.Row, hosts []string) {
	in, err := unpack.New(strings.NewReader(text))
	if err != nil {
		return nil, nil
	}
	files.Reset(in, "")
	for range strings.Count(text, "\n") + 2 {
		var row reportfile.Row
		err := files.Read(&row)
		if bad, ok := err.(*reportfile.BadLine); ok { //nolint:errorlint // Read says that it is one
			require.Positive(t, bad.Number)
			continue
		}
		if err != nil {
			return rows, hosts
		}
		rows, hosts = append(rows, row), append(hosts, files.Host())
	}
	require.Fail(t, "more entries than lines")
	return nil, nil
}

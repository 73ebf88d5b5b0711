package main

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

const noHost = "I! files that name no host are imported as host \"\"; -host NAME names one\n"

// importTest is the real program, a database for it and a folder for files.
type importTest struct {
	t                    *testing.T
	program, config, dir string
	dsn                  string
	db                   *sql.DB
}

func newImportTest(t *testing.T, dsn string) *importTest {
	t.Helper()
	i := &importTest{t: t, program: testkit.Binary(t, "telegraf-conntrack-accounting/cmd/psql-sink"), dir: t.TempDir(), dsn: dsn}
	i.config = filepath.Join(t.TempDir(), "sink.conf")
	text := fmt.Sprintf("[[outputs.vpn_traffic]]\n  dsn = %q\n  spool = \"/nowhere\"\n  retention = 0\n", dsn)
	require.NoError(t, os.WriteFile(i.config, []byte(text), 0o600))
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	i.db = db
	return i
}

// file writes a file and returns its path.
func (i *importTest) file(name, text string) string {
	i.t.Helper()
	path := filepath.Join(i.dir, name)
	require.NoError(i.t, os.MkdirAll(filepath.Dir(path), 0o755))
	if strings.HasSuffix(name, ".gz") {
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		_, err := zip.Write([]byte(text))
		require.NoError(i.t, err)
		require.NoError(i.t, zip.Close())
		text = out.String()
	}
	require.NoError(i.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (i *importTest) command(args ...string) *exec.Cmd {
	return exec.Command(i.program, append([]string{"import", "-config", i.config}, args...)...)
}

// run runs the program to its end.
func (i *importTest) run(stdin string, args ...string) (code int, stdout, stderr string) {
	i.t.Helper()
	cmd := i.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	child := testkit.StartChild(i.t, cmd)
	_ = child.Wait(2 * time.Minute)
	return cmd.ProcessState.ExitCode(), child.Stdout(), withoutProgress(child.Stderr())
}

// withoutProgress takes those lines out that come only when it takes long, and the one
// that says that files name no host.
func withoutProgress(log string) string {
	log = strings.Replace(log, noHost, "", 1)
	return regexp.MustCompile(`(?m)^importing .* rows/s, .*\n`).ReplaceAllString(log, "")
}

// ok runs the program, which must import everything without a word.
func (i *importTest) ok(args ...string) (summary string) {
	i.t.Helper()
	code, stdout, stderr := i.run("", args...)
	require.Zero(i.t, code, "%s%s", stdout, stderr)
	require.Empty(i.t, stderr)
	return stdout
}

func (i *importTest) query(text string) (value string) {
	i.t.Helper()
	require.NoError(i.t, i.db.QueryRow(text).Scan(&value), text)
	return value
}

// reportLines returns the lines of a report of n rows. Each row has its own
// number as src_bytes, so that their sum tells them apart.
func reportLines(number, n int) string {
	var text strings.Builder
	for row := range n {
		fmt.Fprintf(&text, "%d,tcp,10.%d.%d.0,10.33.0.0,443,0,0,%d,1,2,3\n", epoch+int64(number)*interval, 32+row/250, row%250, number*n+row)
	}
	return text.String()
}

// requireReports checks that all rows of so many reports are there once, that
// the rollups are their sums, and that every day has its index.
func (i *importTest) requireReports(reports, rows int) {
	i.t.Helper()
	want := int64(reports * rows)
	require.Equal(i.t, fmt.Sprintf("%d %[1]d %d", want, want*(want-1)/2),
		i.query(`SELECT concat_ws(' ', count(*), count(DISTINCT (host, time, src, dst, proto, port)), sum(src_bytes)) FROM vpn_traffic`))
	i.requireRollups()
	require.Empty(i.t, i.query(`SELECT coalesce(string_agg(name, ' '), '') FROM vpn_traffic_partitions WHERE parent = 'vpn_traffic'
		AND NOT EXISTS (SELECT FROM pg_indexes WHERE schemaname = current_schema() AND tablename = name AND indexdef LIKE '%(src, dst)')`),
		"days without an index")
}

func (i *importTest) requireRollups() {
	i.t.Helper()
	db, err := store.Open(i.dsn)
	require.NoError(i.t, err)
	defer func() { require.NoError(i.t, db.Close()) }()
	days, err := db.Days(i.t.Context(), time.Unix(0, 0), time.Now())
	require.NoError(i.t, err)
	require.NotEmpty(i.t, days)
	for _, day := range days {
		differences, err := db.Verify(i.t.Context(), day, false)
		require.NoError(i.t, err)
		require.Empty(i.t, differences)
	}
}

func TestImport(t *testing.T) {
	pg := testkit.Database(t)
	for name, test := range map[string]func(*importTest){
		"files": testImportFiles, "hosts": testImportHosts, "two_hosts": testImportUnderTwoHosts, "no_host": testImportWithoutHost, "first": testImportFirstStays, "bad": testImportBadLines, "refused": testImportRefused,
		"missing": testImportMissing, "overlap": testImportOverlap, "stdin": testImportStdin, "usage": testImportUsage,
		"pipe": testImportPipe, "times": testImportTimes, "past": testImportPast, "days": testImportDays, "detached": testImportDetached, "misconfigured": testImportMisconfigured,
		"metrics": testImportMetrics, "thin": testImportThinRows,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pg.DB().Exec("CREATE SCHEMA i_" + name)
			require.NoError(t, err)
			test(newImportTest(t, pg.DSN()+" search_path=i_"+name))
		})
	}
}

func testImportFiles(i *importTest) {
	eleven := i.file("eleven", "\ufefftime_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times\n"+
		"1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1,2,30,40,5,6,\n")
	twelve := i.file("twelve.csv", `"1500000000000000000","udp","10.32.1.0","10.33.0.0","53","1","2","30","40","5","6","7"`+"\r\n\n# a comment\n")
	i.file("folder/a.csv", reportLines(0, 100))
	i.file("folder/b.csv.gz", reportLines(1, 100))
	i.file("folder/.hidden.tmp", reportLines(2, 100))
	i.file("folder/empty", "")
	summary := i.ok(eleven, twelve, filepath.Join(i.dir, "folder"))
	require.Regexp(i.t, `^5 of 5 files: 202 rows imported, 0 duplicate, 0 rejected; \d+\.\d s, \d+ rows/s\n$`, summary)
	require.Equal(i.t, "1 2 30 40 5 6", i.query(`SELECT concat_ws(' ', src_packets, dst_packets, src_bytes, dst_bytes,
		connection_count, connection_times) FROM vpn_traffic WHERE time = '2017-07-14 02:40:00Z' AND open_connections IS NULL`))
	require.Equal(i.t, "7", i.query(`SELECT open_connections FROM vpn_traffic WHERE proto = 'udp'`))
	require.Equal(i.t, "19900", i.query(`SELECT sum(src_bytes) FROM vpn_traffic WHERE time > '2020-01-01Z'`))
	i.requireRollups()

	require.Contains(i.t, i.ok(eleven, twelve, filepath.Join(i.dir, "folder")), "5 of 5 files: 0 rows imported, 202 duplicate, 0 rejected;")
}

// Rows of which the columns seem to be in another order are stored, with a warning.
func testImportThinRows(i *importTest) {
	text := reportLines(0, 10) + strings.ReplaceAll(reportLines(1, 10), ",443,0,0,", ",443,100,0,")
	file := i.file("thin.csv", text)
	code, stdout, stderr := i.run("", file)
	require.Zero(i.t, code)
	require.Contains(i.t, stdout, "20 rows imported, 0 duplicate, 0 rejected, 10 with fewer than 20 bytes a packet;")
	require.Equal(i.t, "W! 10 rows of "+file+" have fewer than 20 bytes a packet, line 11 the first: are its columns in another order? "+
		"They are time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times\n", stderr)

	header := i.file("header.csv", "time,proto,src,dst,port,src_bytes,src_packets,dst_bytes,dst_packets,connection_count,connection_times\n"+reportLines(2, 10))
	code, stdout, stderr = i.run("", header)
	require.Equal(i.t, exitRejected, code)
	require.Contains(i.t, stdout, "0 rows imported, 0 duplicate, 11 rejected;")
	require.Contains(i.t, stderr, header+":1: is a header line of other columns: the order of columns is time_ns,")
}

// The host is the one in the name of one of our own files, or else -host.
func testImportHosts(i *importTest) {
	i.file("f/"+reportfile.FileName(time.Unix(0, epoch), 1, 1, "gw1"), reportLines(0, 10))
	i.file("f/"+reportfile.FileName(time.Unix(0, epoch), 1, 2, "")+".gz", reportLines(0, 10))
	i.file("f/"+reportfile.FileName(time.Unix(0, epoch), 1, 3, "gw2")+".gz", reportLines(0, 10))
	i.file("f/foreign.csv", reportLines(0, 10))
	i.ok("-host", "gw/3", filepath.Join(i.dir, "f"))
	require.Equal(i.t, ":10 gw/3:10 gw1:10 gw2:10", i.query(`SELECT string_agg(host || ':' || n, ' ' ORDER BY host) FROM
		(SELECT host, count(*) AS n FROM vpn_traffic GROUP BY host) AS hosts`))
}

// What is imported under two hosts counts twice, which is said before it happens;
// what comes under one host with other numbers is not, which is said, too.
func testImportUnderTwoHosts(i *importTest) {
	i.ok("-host", "gw", i.file("a.csv", reportLines(0, 10)))
	i.ok("-host", "gw", i.file("b.csv", reportLines(1, 10)))
	code, _, stderr := i.run("", i.file("c.csv", reportLines(2, 10)))
	require.Zero(i.t, code)
	require.Regexp(i.t, `^W! files that name no host are imported as host "", which the database has no rows of, but it has rows of "gw": .* -host NAME names it\n$`, stderr)
	i.ok(i.file("c.csv", reportLines(2, 10)))
	code, stdout, stderr := i.run("", "-host", "gw", i.file("d.csv", strings.ReplaceAll(reportLines(0, 10), ",2,3\n", ",2,4\n")))
	require.Zero(i.t, code)
	require.Contains(i.t, stdout, "0 rows imported, 10 duplicate, 0 rejected, 10 of the duplicates with other numbers;")
	require.Regexp(i.t, `^W! rows of host "gw" are stored with other numbers`, stderr)
}

// Of rows of one key with other numbers, those of the file that begins first stay, if
// files are imported one after the other.
func testImportFirstStays(i *importTest) {
	for n := range 6 { // named the other way round
		text := strings.ReplaceAll(reportLines(100, 10), ",443,0,0,", fmt.Sprintf(",443,0,0,%d", n+1))
		i.file(fmt.Sprintf("f/%d.csv", 9-n), strings.ReplaceAll(reportLines(n, 1), ",443,", ",80,")+text)
	}
	code, stdout, stderr := i.run("", "-jobs", "1", filepath.Join(i.dir, "f"))
	require.Zero(i.t, code, stderr)
	require.Contains(i.t, stdout, "16 rows imported, 50 duplicate, 0 rejected, 50 of the duplicates with other numbers;")
	require.Equal(i.t, "11000 11009", i.query(`SELECT min(src_bytes) || ' ' || max(src_bytes) FROM vpn_traffic WHERE port = 443`))
}

// Without -host it is said which host files get that name none, and with it, later,
// that their rows may be there already.
func testImportWithoutHost(i *importTest) {
	file := i.file("a.csv", reportLines(0, 10))
	said, err := i.command(file).CombinedOutput()
	require.NoError(i.t, err)
	require.Contains(i.t, string(said), noHost)
	code, _, stderr := i.run("", "-host", "gw", file)
	require.Zero(i.t, code)
	require.Contains(i.t, stderr, `are imported as host "gw", which the database has no rows of, but it has rows of "": if the files`)
}

func testImportBadLines(i *importTest) {
	first := i.file("1.csv", "time,proto\n"+reportLines(0, 50)+strings.Replace(reportLines(1, 1), ",443,", ",99999,", 1))
	second := i.file("2.csv", reportLines(1, 50)+strings.Repeat("x\n", 20)+"1500000000000000000,tcp,cut short")
	rejected := filepath.Join(i.dir, "rejected.csv")
	code, stdout, stderr := i.run("", "-rejected", rejected, "-jobs", "1", first, second)
	require.Equal(i.t, exitRejected, code, stderr)
	require.Contains(i.t, stdout, "2 of 2 files: 100 rows imported, 0 duplicate, 23 rejected;")
	require.Contains(i.t, stderr, first+":1: has 2 columns, not 11, 12 or 14\n"+first+":52: port is not -1 to 65535\n"+second+":51: has 1 columns, not 11, 12 or 14\n")
	require.Equal(i.t, 11, strings.Count(stderr, "\n"), "ten of them, and: %s", stderr)
	require.Contains(i.t, stderr, "more lines are rejected; see "+rejected)
	i.requireReports(2, 50)

	text, err := os.ReadFile(rejected)
	require.NoError(i.t, err)
	require.Equal(i.t, 46, strings.Count(string(text), "\n"))
	require.Contains(i.t, string(text), "# "+second+":71: has no line end: the file may have been cut short\n1500000000000000000,tcp,cut short\n")
	require.NoError(i.t, os.WriteFile(rejected, []byte(strings.NewReplacer("99999", "80", "\nx\n", "\n",
		"\ntime,proto\n", "\n", "tcp,cut short", "tcp,10.0.0.1,10.0.0.2,1,0,0,1,1,1,1").Replace(string(text))), 0o600))
	code, stdout, stderr = i.run("", rejected)
	require.Zero(i.t, code, stderr)
	require.Contains(i.t, stdout, "1 of 1 files: 2 rows imported, 0 duplicate, 0 rejected;", "mended")

	inside := i.file("in/a.csv", strings.Repeat("x\n", 5000))
	code, stdout, _ = i.run("", "-rejected", filepath.Join(filepath.Dir(inside), "b.csv"), filepath.Dir(inside))
	require.Equal(i.t, exitRejected, code)
	require.Contains(i.t, stdout, "1 of 1 files: 0 rows imported, 0 duplicate, 5000 rejected;")

	code, _, stderr = i.run("", i.file("in\n\x1b[2J\u202e.csv", "x\n"))
	require.Equal(i.t, exitRejected, code)
	require.Contains(i.t, stderr, `/in \x1b[2J\u202e.csv:1: has 1 columns`, "a file's name commands no terminal")

	code, _, stderr = i.run("", "-rejected", rejected, first)
	require.Equal(i.t, exitUsage, code)
	require.Contains(i.t, stderr, "E! -rejected: open "+rejected+": file exists; see psql-sink import -help\n")
	none := filepath.Join(i.dir, "none")
	i.ok("-rejected", none, i.file("good.csv", reportLines(0, 50)))
	require.NoFileExists(i.t, none)
}

// What is no time of traffic is rejected, with what it may be; mended, it comes in.
func testImportTimes(i *importTest) {
	row := func(at int64) string { return fmt.Sprintf("%d,tcp,10.0.0.1,192.0.2.1,443,1,2,100,200,1,5\n", at) }
	file := i.file("times.csv", row(86400*int64(time.Second))+row(epoch/1e9)+row(epoch/1e6)+row(epoch/1e3)+row(time.Now().AddDate(3, 0, 0).UnixNano())+row(epoch))
	rejected := filepath.Join(i.dir, "rejected.csv")
	for range 3 {
		_ = os.Remove(rejected)
		code, stdout, stderr := i.run("", "-rejected", rejected, file)
		require.Equal(i.t, exitRejected, code, stderr)
		require.Contains(i.t, stdout, "5 rejected;")
		require.Equal(i.t, fmt.Sprintf("%[1]s:1: time is before 2000: a clock was off\n"+
			"%[1]s:2: time is in seconds, it seems, not in nanoseconds\n"+
			"%[1]s:3: time is in milliseconds, it seems, not in nanoseconds\n"+
			"%[1]s:4: time is in microseconds, it seems, not in nanoseconds\n"+
			"%[1]s:5: time is more than two days ahead: the clock of the gateway is off, or the one here\n", file), stderr)
	}
	require.Equal(i.t, "1 100", i.query(`SELECT count(*) || ' ' || sum(src_bytes) FROM vpn_traffic`))
	i.requireRollups()
	text, err := os.ReadFile(rejected)
	require.NoError(i.t, err)
	minute := row(epoch/1e9 + 60)
	mended := strings.Replace(string(text), row(epoch/1e9), strings.Replace(minute, ",", "000000000,", 1), 1)
	require.NoError(i.t, os.WriteFile(rejected, []byte(mended), 0o600))
	_, stdout, _ := i.run("", rejected)
	require.Contains(i.t, stdout, "1 rows imported, 0 duplicate, 4 rejected;")
}

// A row that only the database refuses is found among the others.
func testImportRefused(i *importTest) {
	path := i.file("1.csv", reportLines(0, 500))
	i.ok(i.file("0.csv", reportLines(1, 1)))
	_, err := i.db.Exec(`ALTER TABLE vpn_traffic ADD CONSTRAINT odd CHECK (src_bytes NOT IN (77, 378))`)
	require.NoError(i.t, err)
	code, stdout, stderr := i.run("", path)
	require.Equal(i.t, exitRejected, code)
	require.Contains(i.t, stdout, "498 rows imported, 0 duplicate, 2 rejected;")
	require.Regexp(i.t, `^`+path+`:78: refused by the database: .*"odd".*\n`+path+`:379: refused .*\n$`, stderr)
	require.Equal(i.t, "499", i.query(`SELECT count(*) FROM vpn_traffic`))
	i.requireRollups()
}

// A day that takes no rows, and a row for which somebody's trigger raises, hold up
// nothing else.
func testImportDetached(i *importTest) {
	day := func(n int) string {
		return fmt.Sprintf("%d,tcp,10.0.0.1,192.0.2.1,443,0,2,%d,200,1,5\n", epoch+int64(n)*int64(24*time.Hour)/4, n)
	}
	i.ok(i.file("0.csv", day(0)))
	_, err := i.db.Exec(`ALTER TABLE vpn_traffic DETACH PARTITION vpn_traffic_20231114;
		CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.src_bytes = 6 THEN RAISE 'no reason'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER fail BEFORE INSERT ON vpn_traffic FOR EACH ROW EXECUTE FUNCTION fail()`)
	require.NoError(i.t, err)
	var text strings.Builder
	for n := -3; n < 10; n++ {
		text.WriteString(day(max(n, -n)))
	}
	code, stdout, stderr := i.run("", "-jobs", "1", i.file("1.csv", text.String()))
	require.Equal(i.t, exitFailed, code, stderr)
	require.Contains(i.t, stdout, "8 rows imported, 3 duplicate, 1 rejected, 1 of days that take none for now;")
	require.Contains(i.t, stderr, "E! rows of 2023-11-14 cannot be stored: ")
	require.Contains(i.t, stderr, "refused by the database: ")
	require.Equal(i.t, "8 39", i.query(`SELECT count(*) || ' ' || sum(src_bytes) FROM vpn_traffic`))
}

func testImportMissing(i *importTest) {
	missing := filepath.Join(i.dir, "missing.csv")
	zip := i.file("whole.csv.gz", reportLines(0, 5000))
	whole, err := os.ReadFile(zip)
	require.NoError(i.t, err)
	cut := i.file("cut", string(whole[:len(whole)-5]))
	bad := i.file("bad", "\x1f\x8bthis is no gzip file")
	code, stdout, stderr := i.run("", missing, cut, bad, i.file("good.csv", reportLines(1, 5000)))
	require.Equal(i.t, exitFailed, code)
	require.Contains(i.t, stderr, "E! stat "+missing+": no such file or directory\n")
	require.Contains(i.t, stderr, "E! reading "+cut+": decompressing: unexpected EOF\n")
	require.Contains(i.t, stderr, "E! reading "+bad+": reading gzip: gzip: invalid header\n")
	require.Contains(i.t, stdout, "1 of 4 files: ")
	require.Equal(i.t, "5000", i.query(`SELECT count(*) FROM vpn_traffic WHERE time = '2023-11-14 22:13:35Z'`))

	i.ok(zip)
	i.requireReports(2, 5000)
}

// The same file twice, files that overlap, and one that is out of order, at
// once.
func testImportOverlap(i *importTest) {
	const reports, rows = 240, 100 // an hour
	var whole, reversed strings.Builder
	for n := range reports {
		lines := reportLines(n, rows)
		whole.WriteString(lines)
		reversed.WriteString(reportLines(reports-1-n, rows))
		i.file(fmt.Sprintf("each/%d.csv", n), lines)
	}
	text := whole.String()
	first, second := i.file("first", text[:strings.LastIndex(text[:len(text)*2/3], "\n")+1]), i.file("second", text[strings.LastIndex(text[:len(text)/3], "\n")+1:])
	summary := i.ok("-jobs", "8", i.file("whole", text), first, first, second, i.file("reversed", reversed.String()), filepath.Join(i.dir, "each"))
	require.Contains(i.t, summary, "245 of 245 files: 24000 rows imported, ")
	i.requireReports(reports, rows)
}

func testImportStdin(i *importTest) {
	code, stdout, stderr := i.run(reportLines(1, 1000), "-host", "gw", i.file("a.csv", reportLines(0, 1000)), "-")
	require.Zero(i.t, code, stderr)
	require.Contains(i.t, stdout, "2 of 2 files: 2000 rows imported, 0 duplicate, 0 rejected;")
	i.requireReports(2, 1000)
	require.Equal(i.t, "gw", i.query(`SELECT DISTINCT host FROM vpn_traffic`))
	code, _, _ = i.run("", "-")
	require.Zero(i.t, code)
}

// What comes from another program by a named pipe is read once, as it comes.
func testImportPipe(i *importTest) {
	pipe := filepath.Join(i.dir, "pipe")
	out, err := exec.Command("mkfifo", pipe).CombinedOutput()
	require.NoError(i.t, err, "%s", out)
	written := make(chan error, 1)
	go func() { // until the program has read it
		file, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteString(reportLines(1, 3000))
			_ = file.Close()
		}
		written <- err
	}()
	i.ok(pipe, i.file("a.csv", reportLines(0, 3000)))
	require.NoError(i.t, <-written)
	i.requireReports(2, 3000)
}

func testImportUsage(i *importTest) {
	file := i.file("a.csv", reportLines(0, 1))
	for want, args := range map[string][]string{
		"E! name files to import, or - for standard input;": {},
		`E! "-jobs" comes behind a file's name`:             {file, "-jobs", "2"},
		`E! "" comes behind`:                                {""},
		"E! -jobs 0: must be at least 1;":                   {"-jobs", "0", file},
		"E! -wait -1s: must not be negative;":               {"-wait", "-1s", file},
		`E! -host "a\nb" holds a control character;`:        {"-host", "a\nb", file},
		"-db: the older importer's switch; name":            {"-db", "vpn", "-pass", "secret", file},
		"-move: the older importer's switch; psql-sink":     {"-move=x", "-watch", "y"},
		"-x; see psql-sink import -help":                    {"-x"},
	} {
		code, stdout, stderr := i.run("", args...)
		require.Equal(i.t, exitUsage, code, args)
		require.Empty(i.t, stdout)
		require.Contains(i.t, stderr, want)
		require.Equal(i.t, 1, strings.Count(stderr, "\n"), stderr)
		require.NotContains(i.t, stderr, "secret")
	}
	code, stdout, stderr := i.run("", "-help")
	require.Zero(i.t, code)
	require.Empty(i.t, stderr)
	require.Contains(i.t, stdout, "psql-sink import [switches] FILE...\n")
	require.Contains(i.t, stdout, "  -rejected file\n")
}

// What only somebody's hand can put right is told at once.
func testImportMisconfigured(i *importTest) {
	file := i.file("a.csv", reportLines(0, 1))
	begin := time.Now()
	for want, dsn := range map[string]string{
		`database "absent" does not exist`: i.dsn + " dbname=absent",
		`role "nobody" does not exist`:     i.dsn + " user=nobody",
	} {
		code, stdout, stderr := newImportTest(i.t, dsn).run("", file)
		require.Equal(i.t, exitFailed, code)
		require.Contains(i.t, stdout, "0 of 1 files: 0 rows imported")
		require.Contains(i.t, stderr, want)
		require.Equal(i.t, 1, strings.Count(stderr, "\n"), stderr)
	}
	_, err := i.db.Exec(`CREATE SCHEMA i_looks; CREATE ROLE looks LOGIN; ALTER DEFAULT PRIVILEGES IN SCHEMA i_looks GRANT SELECT ON TABLES TO looks;
		GRANT USAGE ON SCHEMA i_looks TO looks`)
	require.NoError(i.t, err)
	newImportTest(i.t, i.dsn+" search_path=i_looks").ok(i.file("own.csv", reportLines(1, 1)))
	_, err = i.db.Exec(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA i_looks TO looks`)
	require.NoError(i.t, err)
	code, stdout, stderr := newImportTest(i.t, i.dsn+" search_path=i_looks user=looks").run("", file)
	require.Equal(i.t, exitFailed, code)
	require.Contains(i.t, stdout, "0 of 1 files: 0 rows imported")
	require.Contains(i.t, stderr, "permission denied")
	require.NotContains(i.t, stderr, "trying again")

	_, err = i.db.Exec(`CREATE TABLE vpn_traffic (id serial PRIMARY KEY)`)
	require.NoError(i.t, err)
	code, _, stderr = i.run("", file)
	require.Equal(i.t, exitFailed, code)
	require.Contains(i.t, stderr, "E! "+schema.ErrForeignTable.Error())
	require.Less(i.t, time.Since(begin), time.Minute, "without waiting for better times")
}

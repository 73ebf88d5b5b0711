package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// importing is the program while it imports what the test writes to its
// standard input.
type importing struct {
	*importTest
	child *testkit.Child
	stdin *os.File
	code  func() int
}

func (i *importTest) start(args ...string) *importing {
	i.t.Helper()
	in, out, err := os.Pipe()
	require.NoError(i.t, err)
	i.t.Cleanup(func() { _ = out.Close() })
	cmd := i.command(args...)
	cmd.Stdin = in
	r := &importing{importTest: i, stdin: out, child: testkit.StartChild(i.t, cmd)}
	require.NoError(i.t, in.Close())
	r.code = func() int { return cmd.ProcessState.ExitCode() }
	return r
}

func (r *importing) write(text string) {
	r.t.Helper()
	_, err := io.WriteString(r.stdin, text)
	require.NoError(r.t, err)
}

// stored waits until some rows are in the database.
func (i *importTest) stored() {
	i.t.Helper()
	require.Eventually(i.t, func() bool {
		var found bool
		return i.db.QueryRow(`SELECT EXISTS (SELECT FROM vpn_traffic)`).Scan(&found) == nil && found
	}, 2*time.Minute, 10*time.Millisecond)
}

// Reports that are more than one transaction, if there are many jobs: one has
// fewer rows then.
const (
	manyReports = 24
	manyRows    = 2000
)

func manyLines(from, to int) string {
	var text strings.Builder
	for n := from; n < to; n++ {
		text.WriteString(reportLines(n, manyRows))
	}
	return text.String()
}

func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	for name, signal := range map[string]syscall.Signal{"int": syscall.SIGINT, "term": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			_, err := pg.DB().Exec("CREATE SCHEMA s_" + name)
			require.NoError(t, err)
			i := newImportTest(t, pg.DSN()+" search_path=s_"+name)
			r := i.start("-jobs", "10", "-")
			r.write(manyLines(0, manyReports))
			i.stored()
			r.child.Signal(signal) // while it waits for more
			require.Error(t, r.child.Wait(time.Minute))
			require.Equal(t, 128+int(signal), r.code())
			require.Regexp(t, `^0 of 1 files: \d+ rows imported, 0 duplicate, 0 rejected;`, r.child.Stdout())
			require.Empty(t, withoutProgress(r.child.Stderr()))
			said := regexp.MustCompile(`(\d+) rows imported`).FindStringSubmatch(r.child.Stdout())[1]
			before, err := strconv.Atoi(said)
			require.NoError(t, err)
			require.Equal(t, said, i.query(`SELECT count(*) FROM vpn_traffic`))

			summary := i.ok(i.file("all.csv", manyLines(0, manyReports)))
			require.Contains(t, summary, fmt.Sprintf("1 of 1 files: %d rows imported, %d duplicate, 0 rejected;", manyReports*manyRows-before, before))
			i.requireReports(manyReports, manyRows)
		})
	}
}

// The signal comes while transactions are under way.
func TestImportInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	i := newImportTest(t, pg.DSN())
	for n := range manyReports {
		i.file(fmt.Sprintf("f/%d.csv", n), reportLines(n, manyRows))
	}
	folder := filepath.Join(i.dir, "f")
	for n := range 6 {
		r := i.start("-jobs", "2", folder)
		time.Sleep(time.Duration(n) * 100 * time.Millisecond) // a point like any other
		r.child.Signal(syscall.SIGINT)
		_ = r.child.Wait(time.Minute)
		require.Contains(t, []int{0, -1, 130}, r.code()) // -1: before the program has asked for signals
	}
	i.ok(folder)
	i.requireReports(manyReports, manyRows)
}

func TestImportOutlastsRestarts(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Postgres(t)
	i := newImportTest(t, pg.DSN())
	r := i.start("-jobs", "10", "-")
	const part = manyReports / 2 // more than one transaction, too
	parts := 0
	write := func(n int) <-chan error {
		text, written := manyLines(parts*part, (parts+n)*part), make(chan error, 1)
		go func() { // until the program has read it
			_, err := io.WriteString(r.stdin, text)
			written <- err
		}()
		parts += n
		return written
	}
	outages := []func(){func() { pg.Stop("fast") }, pg.Kill9, func() { pg.Stop("immediate") }}
	for n, end := range outages {
		if n > 0 {
			end()
		}
		written := write(2)
		if n == 0 {
			i.stored()
			end() // amid it
		}
		i.says(r.child, "W! Postgres is unreachable: ", n+1)
		pg.Start()
		i.says(r.child, "I! going on after ", n+1)
		require.NoError(t, <-written)
	}
	require.NoError(t, <-write(1))
	require.NoError(t, r.stdin.Close())
	require.NoError(t, r.child.Wait(2*time.Minute))
	require.Zero(t, r.code())
	i.requireReports(parts*part, manyRows)
	require.Equal(t, len(outages), strings.Count(r.child.Stderr(), "W! "), "each outage told once:\n%s", r.child.Stderr())
	t.Logf("the operator reads:\n%s", r.child.Stderr())
}

// says waits until the program has said something so often.
func (i *importTest) says(child *testkit.Child, text string, times int) {
	i.t.Helper()
	require.Eventually(i.t, func() bool { return strings.Count(child.Stderr(), text) >= times }, 2*time.Minute, 10*time.Millisecond, text)
}

func TestImportGivesUp(t *testing.T) {
	t.Parallel()
	i := newImportTest(t, "host="+t.TempDir()+" dbname=vpn user=postgres sslmode=disable")
	code, stdout, stderr := i.run("", "-wait", "700ms", i.file("a.csv", reportLines(0, 1)))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "0 of 1 files: 0 rows imported, ")
	require.Regexp(t, `^W! Postgres is unreachable: .*; trying again for up to 700ms\nE! gave up after [\d.]+s: .*\n$`, stderr)

	r := i.start("-")
	i.says(r.child, "W! Postgres is unreachable: ", 1)
	r.child.Signal(syscall.SIGINT)
	require.Error(t, r.child.Wait(time.Minute))
	require.Equal(t, 130, r.code())
}

// An error of the database that nobody understands ends the import after some
// attempts, and says what to look at.
func TestImportEndsAtWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	i := newImportTest(t, pg.DSN())
	i.ok(i.file("a.csv", reportLines(0, 10)))
	_, err := i.db.Exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'no reason'; END $$;
		CREATE TRIGGER fail BEFORE INSERT ON vpn_traffic FOR EACH ROW EXECUTE FUNCTION fail()`)
	require.NoError(t, err)
	path := i.file("b.csv", reportLines(1, 10))
	code, _, stderr := i.run("", path)
	require.Equal(t, exitFailed, code)
	require.Regexp(t, `^W! an import failed \(SQLSTATE P0001\): .*; trying again\nE! importing `+path+`: after 5 attempts: .*no reason.*\n$`, stderr)
	_, err = i.db.Exec(`DROP TRIGGER fail ON vpn_traffic`)
	require.NoError(t, err)
	i.ok(path)
	i.requireReports(2, 10)
}

// On a terminal there is a bar, warnings come above it, and the summary is the
// last line.
func TestImportOnATerminal(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	i := newImportTest(t, pg.DSN())
	path := i.file("a.csv", manyLines(0, manyReports)+"bad\n")
	cmd := i.command(path)
	cmd.Env = append(os.Environ(), "TERM=xterm")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 120})
	require.NoError(t, err)
	shown, _ := io.ReadAll(terminal) // ends with EIO when the program has ended
	_ = cmd.Wait()
	text := string(shown)
	require.Equal(t, exitRejected, cmd.ProcessState.ExitCode(), text)
	require.Regexp(t, `importing \d+ % \[=*>?-*\] [\d,]+ rows, [\d,.]+ rows/s, [\d.]+ [kM]?B/s`, text)
	require.Equal(t, 1, strings.Count(text, path+":48001: has 1 columns, not 11, 12 or 14\r\n"))
	lines := strings.Split(strings.TrimSpace(text), "\n")
	require.Regexp(t, `^(\x1b\[1A\x1b\[J)*1 of 1 files: 48000 rows imported, 0 duplicate, 1 rejected; .* rows/s$`, lines[len(lines)-1])
	i.requireReports(manyReports, manyRows)
}

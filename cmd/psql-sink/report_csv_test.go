package main

import (
	"database/sql"
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	traffic "telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// customers use a network in two months. Their bytes are more than a float holds
// to the byte.
func customers() []traffic.Row {
	row := func(at time.Time, proto string, port int32, src, name, dst string, n, connections int64) traffic.Row {
		return traffic.Row{
			Time: at.UnixNano(), Proto: proto, Port: port, Src: src, SrcName: name, Dst: dst,
			SrcPackets: 10, SrcBytes: n, DstPackets: 20, DstBytes: 3 * n, ConnectionCount: connections, ConnectionTimes: 1500 * connections,
		}
	}
	first, last := time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 22, 59, 0, 0, time.UTC)
	const customer, other = `Müller, "Sons" & Co`, "Team A"
	return []traffic.Row{
		row(first.Add(-time.Minute), "tcp", 443, "10.1.0.0", customer, "10.9.0.0", 7, 1),
		row(first, "tcp", 443, "10.1.0.0", customer, "10.9.0.0", 1<<51, 2),
		row(last, "tcp", 443, "10.1.0.0", customer, "10.9.0.0", 1<<51+1, 2),
		row(last, "udp", -1, "10.1.0.0", customer, "2001:db8::", 1001, 0),
		row(last, "udp", 53, "10.2.0.0", other, "10.9.0.0", 1000, 9),
		row(last.Add(time.Minute), "udp", 53, "10.2.0.0", other, "10.9.0.0", 5, 1),
	}
}

// withCustomers returns psql-sink and a database that has their traffic.
func withCustomers(t *testing.T) (p *program, dsn string) {
	t.Helper()
	pg := testkit.Database(t)
	db := migrated(t, pg.DSN())
	_, err := db.Import(t.Context(), "gw", customers())
	require.NoError(t, err)
	return build(t, pg.DSN()), pg.DSN()
}

func TestReportCSV(t *testing.T) {
	p, dsn := withCustomers(t)
	t.Run("words", func(t *testing.T) { testWords(t, p) })
	t.Run("terminal", func(t *testing.T) { testTerminal(t, p) })
	report := func(args ...string) string {
		cmd := exec.Command(p.path, append([]string{"report", "-config", p.config, "-since", "2026-10-01", "-until", "2026-11-01"}, args...)...)
		cmd.Env = append(os.Environ(), "TZ=Europe/Vienna")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}

	const (
		month    = "2026-10-01T00:00:00+02:00,2026-11-01T00:00:00+01:00,"
		counters = "src_packets,src_bytes,dst_packets,dst_bytes,connection_count,connection_times\r\n"
	)
	for _, test := range []struct {
		args string
		want string
	}{
		{"", "since,until,src,src_name," + counters +
			month + `10.1.0.0,"Müller, ""Sons"" & Co",30,4503599627371498,60,13510798882114494,4,6000` + "\r\n" +
			month + "10.2.0.0,Team A,10,1000,20,3000,9,13500\r\n"},
		{"-sort connections -top 1", "since,until,src,src_name," + counters + month + "10.2.0.0,Team A,10,1000,20,3000,9,13500\r\n"},
		{"-by total -src 10.1.0.0", "since,until," + counters + month + "30,4503599627371498,60,13510798882114494,4,6000\r\n"},
		{"-by service -src 10.1.0.0", "since,until,proto,port," + counters +
			month + "tcp,443,20,4503599627370497,40,13510798882111491,4,6000\r\n" + month + "udp,-1,10,1001,20,3003,0,0\r\n"},
		{"-by pair -proto udp", "since,until,src,src_name,dst,dst_name," + counters +
			month + `10.1.0.0,"Müller, ""Sons"" & Co",2001:db8::,,10,1001,20,3003,0,0` + "\r\n" +
			month + "10.2.0.0,Team A,10.9.0.0,,10,1000,20,3000,9,13500\r\n"},
		{"-by port -proto udp", "since,until,port," + counters + month + "-1,10,1001,20,3003,0,0\r\n" + month + "53,10,1000,20,3000,9,13500\r\n"},
		{"-by host -port 53", "since,until,host," + counters + month + "gw,10,1000,20,3000,9,13500\r\n"},
		{"-by proto -each day -src 10.1.0.0", "since,until,proto," + counters +
			"2026-10-01T00:00:00+02:00,2026-10-02T00:00:00+02:00,tcp,10,2251799813685248,20,6755399441055744,2,3000\r\n" +
			"2026-10-31T00:00:00+01:00,2026-11-01T00:00:00+01:00,tcp,10,2251799813685249,20,6755399441055747,2,3000\r\n" +
			"2026-10-31T00:00:00+01:00,2026-11-01T00:00:00+01:00,udp,10,1001,20,3003,0,0\r\n"},
		{"-port 22", "since,until,src,src_name," + counters},
	} {
		out := report(append([]string{"-csv"}, strings.Fields(test.args)...)...)
		require.Equal(t, test.want, out, test.args)
		records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, strings.Count(out, "\r\n"), len(records))
	}

	t.Run("caveats", func(t *testing.T) { testCaveats(t, p, dsn) })
	out := report("-sort", "connections")
	require.Regexp(t, `(?s)Top sources by connections\n.*Team A \(10\.2\.0\.0\).*Müller.*Top destinations`, out)
	require.Regexp(t, `(?s)Top pairs by connections .*Team A.*Müller.*Top ports by connections.*udp/53.*tcp/443`, out)
	require.Regexp(t, `(?s)Top sources by packets\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*Müller[^\n]*\n[^\n]* all others .*Top dest`, report("-sort", "packets", "-top", "1"))
}

// testWords asks for customers by what they are called.
func testWords(t *testing.T, p *program) {
	report := func(args ...string) (out, problems string, code int) {
		return alone(p.path).run(append([]string{"report", "-config", p.config, "-csv", "-by", "total", "-since", "2026-09-01", "-until", "2026-11-02"}, args...)...)
	}
	for _, test := range []struct{ switches, word, bytes, note string }{
		{"-src", "Team A", ",1005,", ""},
		{"-src", `Müller, "Sons" & Co`, ",4503599627371505,", ""},
		{"-src", "10.0.0.0/8", ",4503599627372510,", ""},
		{"-src", "10.2.0.0,10.1.0.0", ",4503599627372510,", ""},
		{"-src", "10.2.44.5", ",1005,", "I! -src 10.2.44.5: stored as part of 10.2.0.0, which is shown\n"},
		{"-dst", "2001:db8::/32", ",1001,", ""},
		{"-host", "gw", ",4503599627372510,", ""},
		{"-port", "other", ",1001,", ""},
		{"-proto", "UDP", ",2006,", ""},
	} {
		out, problems, code := report(test.switches, test.word)
		require.Zero(t, code, problems)
		require.Contains(t, out, test.bytes, test.word)
		require.True(t, strings.HasPrefix(problems, test.note) && (problems == "") == (test.note == ""), problems)
	}
	for _, word := range []string{"Team C", "10.3.0.1", "10.3.0.0/16"} {
		out, problems, code := report("-src", word)
		require.Equal(t, 1, code)
		require.Empty(t, out)
		require.Contains(t, problems, "E! -src ")
		require.Contains(t, problems, word)
	}
	_, problems, _ := report("-host", "gwx")
	require.Contains(t, problems, `did you mean "gw"?`)
	out, problems, code := report("-src", "Team A", "-since", "2026-10-10", "-until", "2026-10-11")
	require.Equal(t, 1, code, "he came later: %s", out)
	require.Contains(t, problems, "up to the end of this range")
	out, problems, code = report("-src", "10.1.0.0", "-since", "2026-10-10", "-until", "2026-10-11")
	require.Zero(t, code, problems)
	require.Equal(t, 1, strings.Count(out, "\n"), "a header, and no traffic in this range")
}

// testTerminal prints a report on one of 80 columns.
func testTerminal(t *testing.T, p *program) {
	cmd := exec.Command(p.path, "report", "-config", p.config, "-since", "2026-09-01", "-until", "2026-11-02")
	cmd.Env = append(os.Environ(), "TZ=UTC")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(t, err)
	defer func() { _ = terminal.Close() }()
	out, _ := io.ReadAll(terminal) // which ends in EIO when the program does
	require.NoError(t, cmd.Wait(), "%s", out)
	for line := range strings.SplitSeq(string(out), "\r\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 80, "%s", out)
	}
	require.Contains(t, string(out), "Of 80 columns there is no room for: ")
	piped, _, code := alone(p.path).run("report", "-config", p.config, "-since", "2026-09-01", "-until", "2026-11-02")
	require.Zero(t, code)
	require.Contains(t, piped, "lifetime │", "a file has room for all")
}

// testCaveats looks at what is no longer known, or not to the second.
func testCaveats(t *testing.T, p *program, dsn string) {
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	gone := func(levels ...string) {
		_, err := db.Exec(`DELETE FROM vpn_traffic_gone`)
		require.NoError(t, err)
		for _, level := range levels {
			_, err = db.Exec(`INSERT INTO vpn_traffic_gone VALUES ($1, '2026-09-01', '2026-11-30')`, level)
			require.NoError(t, err)
		}
	}
	for _, test := range []struct {
		gone []string
		args string
		want string
	}{
		{nil, "-by src -since 2026-10-01 -until 2026-10-03", ""},
		{nil, "-by pair -since 2026-10-01T00:10:00Z -until 2026-10-03T00:00:00Z", "are of 2026-10-01 00:00:00 UTC to 2026-10-03 00:00:00 UTC\n"},
		{[]string{"raw"}, "-by src -since 2026-10-01T00:10:00Z -until 2026-10-03T00:00:00Z", ""},
		{[]string{"raw", "minute"}, "-by src -since 2026-10-01T00:10:00Z -until 2026-10-03T00:00:00Z", "are of 2026-10-01 00:00:00 UTC to 2026-10-03 00:00:00 UTC\n"},
		{[]string{"raw", "minute"}, "-by src -since 2026-10-01T18:30:00Z -until 2026-10-03T18:30:00Z -each day", ", and so on, 2 times in all\n"},
		{[]string{"raw"}, "-by pair -proto tcp -since 2026-10-01 -until 2026-10-03", "W! retention has dropped a part of what this would have to hold: pairs of 2026-10-01 00:00:00 UTC to "},
		{[]string{"raw", "minute", "hour"}, "-by total -since 2026-10-01 -until 2026-10-03", "W! retention has dropped a part of what this would have to hold: total of "},
	} {
		gone(test.gone...)
		cmd := exec.Command(p.path, append([]string{"report", "-config", p.config, "-csv"}, strings.Fields(test.args)...)...)
		cmd.Env = append(os.Environ(), "TZ=UTC")
		var problems strings.Builder
		cmd.Stderr = &problems
		require.NoError(t, cmd.Run())
		require.Contains(t, problems.String(), test.want, test)
		require.Equal(t, test.want == "", problems.String() == "", "%v: %s", test, problems.String())
	}
	out, problems, code := alone(p.path).run("report", "-config", p.config, "-since", "2026-10-31T22:10:00Z", "-until", "2026-10-31T23:10:00Z")
	require.Zero(t, code, problems)
	require.Contains(t, out, "Note: retention has dropped")
	gone()
}

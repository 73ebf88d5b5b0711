package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// terminal is a real one, in which a program runs.
type terminal struct {
	t      *testing.T
	socket string
}

// newTerminal runs a program in a terminal of this size. In CI, there would be no colours.
func newTerminal(t *testing.T, width, height int, kind, command string) *terminal {
	t.Helper()
	testkit.Need(t, "tmux")
	term := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height),
		"env -u CI TERM="+kind+" "+command+"; echo ended with $?; sleep 600")
	t.Cleanup(func() { term.tmux("kill-server") })
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	output, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	require.NoError(term.t, err, "%s", output)
	return string(output)
}

// shows waits until the screen has all of these texts, and none of the others.
func (term *terminal) shows(want []string, not ...string) (screen string) {
	term.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		screen = term.tmux("capture-pane", "-p")
		has := func(text string) bool { return strings.Contains(screen, text) }
		if !slices.ContainsFunc(not, has) && !slices.ContainsFunc(want, func(text string) bool { return !has(text) }) {
			return screen
		}
		require.False(term.t, time.Now().After(deadline), "want %q, not %q:\n%s", want, not, screen)
		time.Sleep(100 * time.Millisecond)
	}
}

// talking imports an hour of reports of even traffic up to a time, in which the second
// team is ten times as loud in the last minute, and the third is new. Its name is one
// that an enemy chose.
func talking(t *testing.T, dsn string, until time.Time) {
	t.Helper()
	db := migrated(t, dsn)
	row := func(at time.Time, src, name, dst string, port int32, sent int64, connections int64) reportfile.Row {
		return reportfile.Row{
			Time: at.UnixNano(), Proto: "tcp", Port: port, Src: src, SrcName: name, Dst: dst,
			SrcPackets: 15, SrcBytes: sent, DstPackets: 15, DstBytes: sent, ConnectionCount: connections, ConnectionTimes: connections,
		}
	}
	var rows []reportfile.Row
	for n := range 240 {
		at := until.Add(time.Duration(n-239) * 15 * time.Second)
		rows = append(rows, row(at, "10.1.0.0", "Team One", "10.9.0.0", 443, 15e6/16, 15))
		loud := int64(15e5 / 16)
		if n >= 236 {
			loud *= 20
			rows = append(rows, row(at, "2001:db8:1234:5678::", "evil\x1b[2J\u202e", "10.8.0.0", 22, 15e4/16, 1500))
		}
		rows = append(rows, row(at, "10.2.0.0", "Team Two", "10.8.0.0", 53, loud, 0))
	}
	_, err := db.Import(t.Context(), "gw", rows)
	require.NoError(t, err)
}

func TestTop(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	talking(t, pg.DSN(), time.Now().Truncate(15*time.Second))
	once := func(args ...string) (table string) {
		t.Helper()
		output, code := p.output(append([]string{"top", "-config", p.config, "-once"}, args...)...)
		require.Zero(t, code, output)
		return regexp.MustCompile(` +`).ReplaceAllString(output, " ")
	}
	sources := once()
	require.Contains(t, sources, " 3.01 Mbit/s, 6 packets/s, 101 connections/s in 1m0s\n")
	require.Regexp(t, `(?s)Team Two \(10\.2\.0\.0\) 2\.00 Mbit/s 20\.0 66 % 1\.00 Mbit/s 1\.00 Mbit/s 0\.0 2
Team One \(10\.1\.0\.0\) 1\.00 Mbit/s 1\.0 33 % 500 kbit/s 500 kbit/s 1\.0 2
evil\\x1b\[2J\\u202e \(2001:db8:1234:5678::\) 10\.0 kbit/s new 0 % 5\.00 kbit/s 5\.00 kbit/s 100 2
$`, sources)
	require.Regexp(t, `tcp/53 .*\ntcp/443 .* 1\.0 33 %`, once("-by", "service"))
	require.Regexp(t, `(?s)Team Two \(10\.2\.0\.0\) → 10\.8\.0\.0 2\.00 Mbit/s 20\.0 .*→ 10\.9\.0\.0 .*→ 10\.8\.0\.0 .* new`, once("-by", "pair"))
	require.Regexp(t, `(?s)most connections first\n.*evil.*Team One.*Team Two`, once("-sort", "connections"))
	require.Regexp(t, `(?s)by destination, only source 10\.1\.0\.0\n.* 1\.00 Mbit/s, .*\n10\.9\.0\.0 1\.00 Mbit/s 1\.0 100 % [^\n]*\n$`, once("-by", "dst", "-src", "team one"))
	require.NotContains(t, once("-top", "1"), "Team One")
	output, code := p.output("top", "-config", p.config)
	require.Equal(t, 2, code)
	require.Contains(t, output, "this is no terminal: -once prints the table once")
}

func TestTopOfSilence(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	talking(t, pg.DSN(), time.Now().Add(-10*time.Minute))
	output, code := p.output("top", "-config", p.config, "-once")
	require.Zero(t, code, output)
	require.Regexp(t, `no report for 10m\d+s\n`, output)
	require.Contains(t, output, "2.00 Mbit/s    20.0", "what was last known")
	pg.Exec(`UPDATE vpn_traffic_reports SET time = time - interval '1 day'`)
	output, code = p.output("top", "-config", p.config, "-once")
	require.Zero(t, code, output)
	require.Contains(t, output, "no report in the last hour\n")
}

func TestTopInATerminal(t *testing.T) {
	t.Parallel()
	pg := testkit.PGSetup{}.Start(t)
	p := build(t, pg.DSN())
	talking(t, pg.DSN(), time.Now().Truncate(15*time.Second))
	top := p.path + " top -every 1s -config " + p.config
	for _, kind := range []string{"linux", "screen", "vt100"} {
		t.Run(kind, func(t *testing.T) {
			term := newTerminal(t, 80, 24, kind, top)
			term.shows([]string{"Team One (10.1.0.0) ", "q quit"})
			term.tmux("send-keys", "C-c")
			term.shows([]string{"ended with 0"})
		})
	}
	term := newTerminal(t, 80, 24, "xterm-256color", top)
	screen := term.shows([]string{"Team One (10.1.0.0) ", `evil\x1b[2J\u202e`, "q quit"})
	for line := range strings.Lines(screen) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81, "%s", screen) // with its end
	}
	require.Regexp(t, `\x1b\[31m(\x1b\[49m)?Team Two`, term.tmux("capture-pane", "-p", "-e"), "twenty times as much as before")
	for key, want := range map[string]string{"p": "Team One (10.1.0.0) → 10.9.0.0 ", "d": "\n10.9.0.0 ", "e": "tcp/443", "o": "most packets first"} {
		term.tmux("send-keys", key)
		term.shows([]string{want})
	}
	term.tmux("send-keys", "s")
	term.shows([]string{"Traffic by source,", "Team One (10.1.0.0) "})
	pg.Stop("fast")
	term.shows([]string{"no answer, asking again: ", "Team One (10.1.0.0) "})
	term.tmux("resize-window", "-x", "40", "-y", "12")
	pg.Start()
	screen = term.shows([]string{"Team One (10.1.0.0) "}, "no answer")
	require.Len(t, strings.Split(strings.TrimSuffix(screen, "\n"), "\n"), 12)
	require.Regexp(t, `Team One \(10\.1\.0\.0\) +1\.00 Mbit/s\n`, screen)
	term.tmux("send-keys", "q")
	term.shows([]string{"ended with 0"})
}

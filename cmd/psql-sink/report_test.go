package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	traffic "telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

func TestReport(t *testing.T) {
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	run := func(args ...string) (out, problems string, code int) {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(p.path, append([]string{"report"}, args...)...)
		cmd.Env = append(os.Environ(), "TZ=UTC")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}

	_, problems, code := run("-config", p.config)
	require.Equal(t, 1, code)
	require.Contains(t, problems, "start psql-sink once")

	db := migrated(t, pg.DSN())
	_, err := db.Import(t.Context(), "gw", []traffic.Row{{
		Time: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC).UnixNano(), Proto: "tcp", Port: 443, Src: "10.1.0.0", Dst: "10.2.0.0",
		SrcPackets: 3, SrcBytes: 1234, DstPackets: 4, DstBytes: 56789, ConnectionCount: 2, ConnectionTimes: 3000,
	}})
	require.NoError(t, err)

	page := filepath.Join(t.TempDir(), "report.html")
	old := unix.Umask(0o077)
	out, problems, code := run("-config", p.config, "-since", "2026-01-02 03:00", "-until", "2026-01-02T04:00:00Z", "-html", page, "-src", "10.1.0.0")
	unix.Umask(old)
	require.Zero(t, code, problems)
	require.Empty(t, problems)
	info, err := os.Stat(page)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode(), "the umask")
	require.Contains(t, out, "58.0 kB: 1.23 kB sent, 56.8 kB received, 7 packets, 2 connections closed after 1.5s on average")
	require.Contains(t, out, "│ tcp/443 │ 58.0 kB │ 100.0 % │")
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "<svg")
	entries, err := os.ReadDir(filepath.Dir(page))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no other file is left behind")

	for _, args := range [][]string{
		{"-port", "https"}, {"-until", "03:05"}, {"-since", "03:04"}, {"-since", "1m"},
	} {
		out, problems, code = run(append([]string{"-config", p.config, "-since", "24h", "-until", "2026-01-02 04:00"}, args...)...)
		require.Zero(t, code, problems)
		require.Equal(t, args[0] == "-port" || args[1] == "03:04", strings.Contains(out, "58.0 kB"), "%v: %s", args, out)
	}
	out, _, code = run("-config", p.config, "-since", "7d")
	require.Zero(t, code)
	require.Contains(t, out, "no traffic in this range")

	for complaint, args := range map[string][]string{
		`-since "yesterday" is neither a time`:                    {"-since", "yesterday"},
		`-until "-1h" is neither a time`:                          {"-until", "-1h"},
		`-since 0s is not before -until 2h`:                       {"-since", "0s", "-until", "2h"},
		`-top 0: must be at least 1`:                              {"-top", "0"},
		`unexpected argument "10.1.0.0"`:                          {"10.1.0.0"},
		`flag provided but not defined: -password`:                {"-password", "x"},
		`writing the page: open /nonexistent/`:                    {"-config", p.config, "-html", "/nonexistent/x.html"},
		`-port "htps" is neither a port, `:                        {"-port", "443,htps"},
		`-port "65536" is neither a port, `:                       {"-port", "65536"},
		`invalid value "size" for flag -sort: want bytes, `:       {"-sort", "size"},
		`invalid value "dest" for flag -by: want total, src, `:    {"-csv", "-by", "dest"},
		`invalid value "week" for flag -each: want hour, day or `: {"-csv", "-each", "week"},
		`-by and -each are for -csv`:                              {"-by", "src"},
		`-csv and -html are one report each`:                      {"-csv", "-html", "x.html"},
	} {
		out, problems, code := run(args...)
		require.NotZero(t, code, complaint)
		require.Contains(t, problems, complaint)
		require.Empty(t, out)
	}
}

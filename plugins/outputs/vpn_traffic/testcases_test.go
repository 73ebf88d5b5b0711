package vpn_traffic

import (
	"database/sql"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestCases runs the folders of testcases/ through the real host and a real
// database. Each holds a telegraf.conf and either expected.err, what psql-sink
// says of it, or
//
//   - input.influx, what Telegraf writes to stdin,
//   - expected.csv, the rows of vpn_traffic as a report has them, below their host,
//   - expected.rejected, where something is: what rejected/ holds then.
func TestCases(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("testcases", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	fresh := schemas(t)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			dsn, db := fresh(t)
			spool := t.TempDir()
			code, said := host(t, folder, map[string]string{"DSN": dsn, "SPOOL": spool})
			if wrong := read(t, folder, "expected.err"); wrong != "" {
				require.Equal(t, wrong, said)
				require.Equal(t, 1, code)
				return
			}
			require.Zero(t, code, said)
			require.Equal(t, read(t, folder, "expected.csv"), rows(t, db))
			require.Equal(t, read(t, folder, "expected.rejected"), read(t, spool, "rejected", "*.txt"))
			testkit.RequireExact(t, db)
		})
	}
}

// host runs the plugin as psql-sink does, and returns its exit code and what it
// wrote to stderr. The rows of tests are old, and kept for ever.
func host(t *testing.T, folder string, env map[string]string) (code int, said string) {
	t.Helper()
	stdin, err := os.CreateTemp(t.TempDir(), "stdin")
	require.NoError(t, err)
	_, err = stdin.WriteString(read(t, folder, "input.influx"))
	require.NoError(t, err)
	_, err = stdin.Seek(0, io.SeekStart)
	require.NoError(t, err)
	stderr, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	stdout, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { signal.Reset() }) // the plugin's host ignores some
	program := command.Program{
		Main: execd.OutputCommand(execd.Output{
			Program: execd.Program{
				Name: "vpn_traffic", Stdin: stdin, Stdout: stdout, Stderr: stderr,
				LookupEnv: func(name string) (string, bool) { value, found := env[name]; return value, found },
			},
			New: func() telegraf.Output { return unhurried() },
		}),
		Stdout: stdout, Stderr: stderr,
	}
	code = program.Run([]string{"-config", filepath.Join(folder, "telegraf.conf")})
	return code, read(t, stderr.Name())
}

func unhurried() *VPNTraffic {
	v := New()
	v.Retention, v.RetentionMinute, v.RetentionHour = 0, 0, 0
	v.CloseTimeout = config.Duration(time.Minute)
	return v
}

// read returns the text of a file, empty where there is none. Its name may be a
// pattern that one file matches.
func read(t *testing.T, path ...string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(path...))
	require.NoError(t, err)
	require.LessOrEqual(t, len(found), 1)
	if len(found) == 0 {
		return ""
	}
	text, err := os.ReadFile(found[0])
	require.NoError(t, err)
	return string(text)
}

func rows(t *testing.T, db *sql.DB) string {
	t.Helper()
	text := query(t, db, `SELECT coalesce(string_agg(concat_ws(',', host, trunc(extract(epoch FROM time) * 1000000000), proto, src, dst, port,
		src_packets, dst_packets, src_bytes, dst_bytes, connection_count, connection_times, open_connections), E'\n'
		ORDER BY time, host, src, dst, port), '') FROM vpn_traffic`)
	return strings.TrimPrefix(text+"\n", "\n")
}

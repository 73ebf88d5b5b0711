package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Telegraf's outputs of both versions deliver unchanged over the socket, as docs/scale.md has
// it, and over TLS, with a certificate or with a token.
func TestTelegrafDeliversEachWay(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), "")
	stop := l.open()
	socket := strings.ReplaceAll(block(t, "## Acknowledged to the end", "toml"), "/run/psql-sink/write.sock", l.socket)
	certificate := fmt.Sprintf("  tls_cert = %q\n  tls_key = %q\n", l.cert, strings.TrimSuffix(l.cert, ".crt")+".key")
	over := fmt.Sprintf("  urls = [%q]\n  tls_ca = %q\n  tls_server_name = \"localhost\"\n", l.url, l.ca)
	outputs := map[string]string{ // of the hosts
		"socket-v2": socket,
		"socket-v1": fmt.Sprintf("[[outputs.influxdb]]\n  urls = [\"unix://%s\"]\n", l.socket),
		"gw":        "[[outputs.influxdb]]\n" + over + certificate,
		"gw-2":      "[[outputs.influxdb_v2]]\n  bucket = \"vpn\"\n" + over + certificate,
		"gw-3":      "[[outputs.influxdb]]\n  username = \"any\"\n  password = \"" + token + "\"\n" + over,
	}
	folder := t.TempDir()
	var config, lines strings.Builder
	for host, output := range outputs {
		for n := range rowsOfReport {
			lines.WriteString(row(host, n, fmt.Sprint(epoch)))
		}
		fmt.Fprintf(&config, "%s  tagpass = {host = [%q]}\n", output, host)
	}
	metrics, path := filepath.Join(folder, "metrics"), filepath.Join(folder, "telegraf.conf")
	require.NoError(t, os.WriteFile(metrics, []byte(lines.String()), 0o600))
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `
[agent]
  flush_interval = "100ms"
  metric_batch_size = 500
  omit_hostname = true
[[inputs.execd]]
  command = ["sh", "-c", "cat %s; exec sleep 1000"]
  signal = "none"
  data_format = "influx"
%s`, metrics, config.String()), 0o600))
	agent := testkit.Agent{Config: path}.Start(t)
	stored := func() (of map[string]int) {
		rows, err := pg.DB().Query("SELECT host, count(*) FROM vpn_traffic GROUP BY host")
		if err != nil {
			return nil // the table is not there yet
		}
		defer func() { _ = rows.Close() }()
		of = make(map[string]int)
		for rows.Next() {
			var host string
			var n int
			require.NoError(t, rows.Scan(&host, &n))
			of[host] = n
		}
		require.NoError(t, rows.Err())
		return of
	}
	want := make(map[string]int)
	for host := range outputs {
		want[host] = rowsOfReport
	}
	require.Eventually(t, func() bool { return fmt.Sprint(stored()) == fmt.Sprint(want) }, time.Minute, 50*time.Millisecond, agent.Stderr())
	require.NoError(t, agent.Stop())
	require.NotContains(t, agent.Stderr(), "E! [outputs.") // inputs.execd may say that its pipe is closed
	stop()
	testkit.RequireExact(t, pg.DB())
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Telegraf's outputs of both versions deliver unchanged. What is refused for now, they keep:
// with a token that is not known yet, a batch that is too large, and a spool that is full.
func TestTelegrafDeliversToListen(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	l := listen(t, pg.DSN(), "max_body = \"4KiB\"\n  spool_limit = \"64KiB\"")
	l.allow("another token than Telegraf's")
	stop := l.open()
	require.Eventually(t, func() bool { return len(l.tables(pg)) > 0 }, time.Minute, 50*time.Millisecond)
	pg.Stop("fast") // so that the spool gets full
	const reports = 20
	agent := l.agent(reports)
	for _, version := range []string{"influxdb", "influxdb_v2"} {
		require.Eventually(t, func() bool {
			return strings.Contains(agent.Stderr(), "[outputs."+version+"] ") && strings.Contains(agent.Stderr(), "E! ")
		}, time.Minute, 20*time.Millisecond, "an error of %s", version)
	}
	require.Zero(t, l.waiting())
	l.allow(token)
	l.logs("bytes wait in " + filepath.Join(l.spool, "new") + " and spool_limit is")
	pg.Start()
	// A full spool refuses with 503, however large a batch is: outputs.influxdb alone may have filled it.
	require.Eventually(t, func() bool { return strings.Contains(agent.Stderr(), "413") }, time.Minute, 20*time.Millisecond, agent.Stderr())
	db := pg.DB()
	var v1, v2 int
	require.Eventually(t, func() bool {
		return db.QueryRow("SELECT count(*) FILTER (WHERE host = 'gw'), count(*) FILTER (WHERE host = 'gw-2') FROM vpn_traffic").Scan(&v1, &v2) == nil &&
			v1 >= reports*rowsOfReport && v2 >= reports*rowsOfReport
	}, time.Minute, 50*time.Millisecond, agent.Stderr())
	require.NoError(t, agent.Stop())
	stop()
	require.NoError(t, db.QueryRow("SELECT count(*) FILTER (WHERE host = 'gw'), count(*) FILTER (WHERE host = 'gw-2') FROM vpn_traffic").Scan(&v1, &v2))
	require.Equal(t, []int{reports * rowsOfReport, reports * rowsOfReport}, []int{v1, v2})
	testkit.RequireExact(t, db)
	require.NotContains(t, agent.Stderr(), "will be dropped")
	require.Contains(t, l.log.String(), `I! client "gw" delivers again`)
}

func (l *listening) tables(pg *testkit.PG) (name string) {
	_ = pg.DB().QueryRow("SELECT coalesce(to_regclass('vpn_traffic')::text, '')").Scan(&name)
	return name
}

const rowsOfReport = 100

// agent starts a Telegraf that has reports of gw, for outputs.influxdb, and of gw-2, for
// outputs.influxdb_v2.
func (l *listening) agent(reports int) *testkit.Child {
	l.t.Helper()
	folder := l.t.TempDir()
	var lines strings.Builder
	for report := range reports {
		for _, host := range []string{"gw", "gw-2"} {
			for n := range rowsOfReport {
				lines.WriteString(row(host, n, fmt.Sprint(epoch+int64(report)*interval)))
			}
		}
	}
	metrics, config := filepath.Join(folder, "metrics"), filepath.Join(folder, "telegraf.conf")
	require.NoError(l.t, os.WriteFile(metrics, []byte(lines.String()), 0o600))
	gateway := strings.NewReplacer(`"https://sink.example.org:8443"`, fmt.Sprintf("%q", l.url), `"TOKEN"`, fmt.Sprintf("%q", token),
		`"/etc/telegraf/ca.crt"`, fmt.Sprintf("%q", l.ca)).Replace(block(l.t, "## Many gateways", "toml"))
	require.NoError(l.t, os.WriteFile(config, fmt.Appendf(nil, `
[agent]
  flush_interval = "100ms"
  metric_batch_size = 500
  metric_buffer_limit = 1000000
  omit_hostname = true
[[inputs.execd]]
  command = ["sh", "-c", "cat %s; exec sleep 1000"]
  signal = "none"
  data_format = "influx"
[[outputs.influxdb]]
  urls = [%q]
  username = "gw"
  password = %q
  tagpass = {host = ["gw"]}
%s
  tls_server_name = "localhost"
  tagpass = {host = ["gw-2"]}
`, metrics, l.plain, token, gateway), 0o600))
	return testkit.Agent{Config: config}.Start(l.t)
}

// block returns the first block of a language that docs/scale.md has under a heading.
func block(t testing.TB, heading, language string) string {
	t.Helper()
	return blocks(t, heading, language)[0]
}

// blocks returns all blocks of a language that docs/scale.md has under a heading, before the
// next.
func blocks(t testing.TB, heading, language string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs/scale.md"))
	require.NoError(t, err)
	_, chapter, ok := strings.Cut(string(text), "\n"+heading+"\n")
	require.True(t, ok)
	chapter = regexp.MustCompile(`\n##+ `).Split(chapter, 2)[0]
	for _, block := range strings.Split(chapter, "\n```"+language+"\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		found = append(found, block)
	}
	require.NotEmpty(t, found)
	return found
}

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// killed is Telegraf with a buffer on disk, which reads metrics from a pipe and delivers them
// to a psql-sink that listens.
type killed struct {
	*listening
	pg      *testkit.PG
	pipe    *os.File
	folder  string // of Telegraf's buffer
	config  string
	agent   *testkit.Child
	sink    *exec.Cmd
	random  *rand.Rand
	reports int
}

// psql-sink, Telegraf and Postgres are killed at random moments while reports come. Every
// metric that Telegraf has put into its buffer on disk is in Postgres at the end, once.
func TestKillsOnTheWayThatAcknowledges(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	k := newKilled(t)
	for range testkit.Number(t, "KILLS", 15) {
		for range 1 + k.random.IntN(3) {
			k.report()
		}
		time.Sleep(time.Duration(k.random.IntN(300)) * time.Millisecond) // anywhere in what goes on
		switch k.random.IntN(4) {
		case 0:
			k.pg.Kill9()
			k.pg.Start()
		case 1:
			k.agent.Kill()
			k.startAgent()
		default:
			kill(k.sink)
			k.sink = k.start(nil, "listen")
		}
	}
	db := k.pg.DB()
	require.Eventually(t, func() bool {
		var rows int
		return db.QueryRow("SELECT count(*) FROM vpn_traffic").Scan(&rows) == nil && rows >= k.reports*series
	}, 2*time.Minute, 50*time.Millisecond, "%s", k.agent.Stderr())
	_ = k.agent.Stop() // it may have begun just now, and not yet know what to do at SIGTERM
	end(t, k.sink)
	k.finish()
	requireOnce(t, db, k.reports)
	testkit.RequireExact(t, db)
}

func newKilled(t *testing.T) *killed {
	t.Helper()
	const seed = 20261127
	pg := testkit.Postgres(t)
	k := &killed{listening: listen(t, pg.DSN(), ""), pg: pg, random: rand.New(rand.NewPCG(seed, 0)), folder: t.TempDir()}
	var input string
	k.pipe, input = testkit.Pipe(t)
	k.config = filepath.Join(k.folder, "telegraf.conf")
	require.NoError(t, os.WriteFile(k.config, fmt.Appendf(nil, `
[agent]
  flush_interval = "200ms"
  metric_batch_size = 700
  metric_buffer_limit = 1000000
  omit_hostname = true
  buffer_strategy = "disk"
  buffer_directory = %q
%s[[outputs.influxdb_v2]]
  urls = [%q]
  token = %q
  bucket = "vpn"
  timeout = "30s"
  tls_ca = %q
  tls_server_name = "localhost"
`, filepath.Join(k.folder, "buffer"), input, k.url, token, k.ca), 0o600))
	k.sink = k.start(nil, "listen")
	k.startAgent()
	return k
}

func (k *killed) startAgent() { k.agent = testkit.Agent{Config: k.config}.Start(k.t) }

// report hands a report to Telegraf, and waits until that has it in its buffer on disk: what
// Telegraf has only read is lost when it is killed.
func (k *killed) report() {
	k.t.Helper()
	var lines bytes.Buffer
	mark := fmt.Sprintf("10.%d.%d.0", 100+k.reports/250, k.reports%250) // the last row's
	for i := range series {
		dst := "10.33.0.0"
		if i == series-1 {
			dst = mark
		}
		fmt.Fprintf(&lines, "conntrack_accounting,host=gw,src=10.%d.%d.0,dst=%s,proto=tcp,port=443 src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=1i %d\n",
			32+i/250, i%250, dst, number(k.reports, i), epoch+int64(k.reports)*interval)
	}
	_, err := k.pipe.Write(lines.Bytes())
	require.NoError(k.t, err)
	require.Eventually(k.t, func() bool { return k.buffered(mark) || k.inPostgres(mark) }, time.Minute, 5*time.Millisecond, "%s", k.agent.Stderr())
	k.reports++
}

// buffered reports whether Telegraf's buffer on disk has a metric with this tag.
func (k *killed) buffered(mark string) (found bool) {
	_ = filepath.Walk(filepath.Join(k.folder, "buffer"), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && !found {
			text, _ := os.ReadFile(path) // it may be removed meanwhile
			found = bytes.Contains(text, []byte(mark))
		}
		return nil
	})
	return found
}

func (k *killed) inPostgres(mark string) (found bool) {
	return k.pg.DB().QueryRow("SELECT EXISTS (SELECT FROM vpn_traffic WHERE dst = $1)", strings.TrimSpace(mark)).Scan(&found) == nil && found
}

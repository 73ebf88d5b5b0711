package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// fleet is many gateways, a Telegraf each, which deliver to one psql-sink over TLS.
type fleet struct {
	*listening
	gateways, series, reports int
	every                     time.Duration
	pipes                     []*os.File
	agents                    []*testkit.Child
}

// newFleet takes its size from GATEWAYS, SERIES, REPORTS and EVERY, or is small. There is one
// report more, which no cost is taken of: all programs have started, and know these series, then.
func newFleet(t *testing.T, dsn string) *fleet {
	t.Helper()
	f := &fleet{
		listening: listen(t, dsn, ""), gateways: testkit.Number(t, "GATEWAYS", 5), series: testkit.Number(t, "SERIES", 400),
		reports: 1 + testkit.Number(t, "REPORTS", 3), every: time.Duration(testkit.Number(t, "EVERY", 1)) * time.Second,
	}
	var clients bytes.Buffer
	for g := range f.gateways {
		fmt.Fprintf(&clients, "[[client]]\nname = %q\ntoken_sha256 = \"%x\"\nhosts = [%[1]q]\n", gatewayName(g), sha256.Sum256([]byte(gatewayToken(g))))
	}
	require.NoError(t, os.WriteFile(f.clients, clients.Bytes(), 0o600))
	return f
}

func gatewayName(g int) string  { return fmt.Sprintf("gateway-%d", g) }
func gatewayToken(g int) string { return fmt.Sprintf("the token of gateway %d", g) }

// start starts a gateway's Telegraf, as docs/scale.md has it.
func (f *fleet) startGateway(g int) {
	f.t.Helper()
	pipe, input := testkit.Pipe(f.t)
	output := strings.NewReplacer("https://sink.example.org:8443", f.url, "TOKEN", gatewayToken(g), "/etc/telegraf/ca.crt", f.ca).Replace(block(f.t, "## Many gateways", "toml"))
	config := filepath.Join(f.t.TempDir(), "telegraf.conf")
	require.NoError(f.t, os.WriteFile(config, fmt.Appendf(nil, `
[agent]
  flush_interval = "1s"
  metric_batch_size = 10000
  metric_buffer_limit = 1000000
  omit_hostname = true
%s%s
  tls_server_name = "localhost"
`, input, output), 0o600))
	f.pipes, f.agents = append(f.pipes, pipe), append(f.agents, testkit.Agent{Config: config}.Start(f.t))
}

// report has all gateways report at once, and returns when they have.
func (f *fleet) report(n int) {
	f.t.Helper()
	var all sync.WaitGroup
	for g, pipe := range f.pipes {
		all.Go(func() {
			var lines bytes.Buffer
			for i := range f.series { // of groups that all talk to each other
				const groups = 71
				fmt.Fprintf(&lines, "conntrack_accounting,host=%s,src=10.32.%d.0,dst=10.%d.%d.0,proto=tcp,port=443 "+
					"src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=%di,connection_count=1i,connection_times=5i %d\n",
					gatewayName(g), i%groups, 40+i/groups/250, i/groups%250, g*f.series+i, n, f.at(n).UnixNano())
			}
			_, err := pipe.Write(lines.Bytes())
			require.NoError(f.t, err)
		})
	}
	all.Wait()
}

func (f *fleet) at(n int) time.Time { return time.Unix(0, epoch+int64(n)*interval).UTC() }

// Many gateways deliver over TLS to one psql-sink. Each row is stored once, under the name of
// its gateway.
func TestManyGateways(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t, "shared_buffers=512MB", "max_wal_size=4GB", "work_mem=128MB") // the last for the comparison at the end
	f := newFleet(t, pg.DSN())
	sink := f.start(nil, "listen")
	for g := range f.gateways {
		f.startGateway(g)
	}
	db := pg.DB()
	stored := func(n int) (rows int) {
		_ = db.QueryRow("SELECT coalesce(sum(connection_count), 0) FROM vpn_traffic_by_port WHERE time = $1", f.at(n)).Scan(&rows)
		return rows
	}
	report := func(n int) (lag time.Duration) {
		f.report(n)
		done := time.Now()
		require.Eventually(t, func() bool { return stored(n) == f.gateways*f.series }, 2*time.Minute, 20*time.Millisecond, "report %d", n)
		return time.Since(done)
	}
	report(0)
	cpu := func() [3]float64 {
		return [...]float64{testkit.CPU(t, sink.Process.Pid), testkit.CPU(t, pg.Pid()), f.cpuOfAgents()}
	}
	before := cpu()
	var lags []time.Duration
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for n := 1; n < f.reports; n++ {
		lags = append(lags, report(n))
		<-tick.C
	}
	slices.Sort(lags)
	after := cpu()
	each := func(i int) float64 {
		return 1e6 * (after[i] - before[i]) / float64(f.gateways*f.series*(f.reports-1))
	}
	t.Logf("%d gateways of %d series, %d reports, one each %v. CPU in µs a row: %.1f in psql-sink, %.1f in Postgres, %.1f in all Telegrafs. "+
		"Visible after %.2f s (median), %.2f s (longest)",
		f.gateways, f.series, f.reports-1, f.every, each(0), each(1), each(2), lags[len(lags)/2].Seconds(), lags[len(lags)-1].Seconds())
	for _, agent := range f.agents {
		agent.Signal(syscall.SIGTERM)
	}
	for _, agent := range f.agents {
		require.NoError(t, agent.Wait(time.Minute))
	}
	end(t, sink)
	f.finish()
	got, err := testkit.SumsByHost(db)
	require.NoError(t, err)
	want := make(map[string]testkit.HostSums)
	for g := range f.gateways {
		each := g*f.series*f.series + f.series*(f.series-1)/2
		want[gatewayName(g)] = testkit.HostSums{Rows: f.series * f.reports, SrcBytes: each * f.reports, DstBytes: f.series * f.reports * (f.reports - 1) / 2}
	}
	require.Equal(t, want, got)
	testkit.RequireExact(t, db)
}

func (f *fleet) cpuOfAgents() (seconds float64) {
	for _, agent := range f.agents {
		seconds += testkit.CPU(f.t, agent.Pid())
	}
	return seconds
}

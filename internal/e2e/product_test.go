package e2e

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// started is what the input logs once its baseline is taken.
const started = "accounting started"

func waitFor(t *testing.T, agent *testkit.Child, line string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(agent.Stderr(), line) }, 30*time.Second, 10*time.Millisecond,
		"no %q in the log", line)
}

// From the kernel to both databases, every series is exact to the packet and
// to the byte; and SIGTERM loses nothing of the last interval.
func TestExactFromKernelToDatabases(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	agent := d.start()
	waitFor(t, agent, started)
	for range 3 {
		d.gateway.talk()
	}
	ledger := d.gateway.counted()
	require.Eventually(t, func() bool { return len(d.inInflux()) == len(ledger) }, 30*time.Second, 100*time.Millisecond)
	d.gateway.talk() // this is the last interval's
	require.NoError(t, agent.Stop())

	ledger = d.gateway.counted()
	require.Len(t, ledger, len(expected()))
	require.Equal(t, ledger, printed(t, read(t, d.output)), "the plugin's output")
	require.Equal(t, ledger, d.inInflux(), "InfluxDB")
	require.Equal(t, ledger, d.inPostgres(), "vpn_traffic")
	for by, part := range map[string]func(series) series{
		"src":  func(s series) series { return series{src: s.src} },
		"dst":  func(s series) series { return series{dst: s.dst} },
		"port": func(s series) series { return series{proto: s.proto, port: s.port} },
	} {
		require.Equal(t, addUp(ledger, part), d.measured("conntrack_accounting_by_"+by))
	}
	requireCleanLog(t, agent.Stderr())
}

// addUp adds up series by a part of what distinguishes them.
func addUp(of map[series]sums, part func(series) series) map[series]sums {
	out := map[series]sums{}
	for s, one := range of {
		all := out[part(s)]
		all.src.Packets += one.src.Packets
		all.src.Bytes += one.src.Bytes
		all.dst.Packets += one.dst.Packets
		all.dst.Bytes += one.dst.Bytes
		out[part(s)] = all
	}
	return out
}

// requireCleanLog requires that a run without faults logs no warning or error.
func requireCleanLog(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		require.NotContains(t, line, " E! ")
		if strings.Contains(line, "execd] ") && strings.Contains(line, " W! ") {
			require.Regexp(t, `nf_conntrack_acct|is in memory \(tmpfs\)`, line, "the fresh namespace had accounting off; where the test's files are is the machine's business")
		}
	}
}

// telegraf --test prints every live series with its counters, every time.
func TestOneShotPrintsTheWholeTable(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	for _, key := range []string{"nf_conntrack_acct", "nf_conntrack_timestamp", "nf_conntrack_events"} {
		d.gateway.router.Sysctl(t, "net.netfilter."+key, 1)
	}
	d.gateway.talk()
	ledger := d.gateway.counted()
	for range 6 {
		agent := d.start("--test")
		require.NoError(t, agent.Wait(time.Minute))
		var lines strings.Builder
		for line := range strings.Lines(agent.Stdout()) {
			lines.WriteString(strings.TrimPrefix(line, "> "))
		}
		require.Equal(t, ledger, printed(t, lines.String()))
	}
}

// parse reads line protocol.
func parse(t *testing.T, text string) (metrics []telegraf.Metric) {
	t.Helper()
	lines := lineprotocol.NewDecoder(bytes.NewReader([]byte(text)))
	for lines.Next() {
		name, err := lines.Measurement()
		require.NoError(t, err)
		m := metric.New(string(name), nil, nil, time.Time{})
		for {
			key, value, err := lines.NextTag()
			require.NoError(t, err)
			if key == nil {
				break
			}
			m.AddTag(string(key), string(value))
		}
		for {
			key, value, err := lines.NextField()
			require.NoError(t, err)
			if key == nil {
				break
			}
			m.AddField(string(key), value.Interface())
		}
		at, err := lines.Time(lineprotocol.Nanosecond, time.Time{})
		require.NoError(t, err)
		m.SetTime(at)
		metrics = append(metrics, m)
	}
	return metrics
}

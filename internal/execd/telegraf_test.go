package execd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

const probeMetrics = 3000 // more than a pipe holds

// telegrafConfig runs the probe under inputs.execd and writes to metrics.
func telegrafConfig(t *testing.T, metrics string) string {
	t.Helper()
	probe := file(t, "probe.conf", "[[inputs.probe]]\ncount = %d\n", probeMetrics)
	return commandConfig(t, metrics, "STDIN", os.Args[0], "-config", probe)
}

// commandConfig has inputs.execd run a command.
func commandConfig(t *testing.T, metrics, signal string, command ...string) string {
	t.Helper()
	var words []string
	for _, word := range command {
		words = append(words, strconv.Quote(word))
	}
	return file(t, "telegraf.conf", `
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_buffer_limit = 1_000_000
  omit_hostname = true
[[inputs.execd]]
  command = [%s]
  environment = ["%s=input"]
  signal = %q
  data_format = "influx"
[[outputs.file]]
  files = [%q]
  data_format = "influx"
`, strings.Join(words, ", "), childVariable, signal, metrics)
}

// TestTelegrafTest runs telegraf --test, which gathers once and, like every
// end, once more; the plugin knows that it is a one-shot run.
func TestTelegrafTest(t *testing.T) {
	t.Parallel()
	config := telegrafConfig(t, os.DevNull)
	for range 20 {
		agent := testkit.Agent{Config: config, Args: []string{"--test"}}.Start(t)
		require.NoError(t, agent.Wait(time.Minute))
		require.Equal(t, map[string]int{"1": probeMetrics, "2": probeMetrics}, gatherSizes(agent.Stdout()))
		require.Equal(t, 2*probeMetrics, strings.Count(agent.Stdout(), "oneshot=true"))
	}
}

// Scripts between Telegraf and the plugin do not hide that it is a one-shot run.
func TestTelegrafTestByWayOfScripts(t *testing.T) {
	t.Parallel()
	inner := file(t, "inner.sh", "#!/bin/sh\n%s \"$@\"\nexit $?\n", os.Args[0])
	outer := file(t, "outer.sh", "#!/bin/sh\nsh %s \"$@\"\nexit $?\n", inner)
	config := commandConfig(t, os.DevNull, "STDIN", "sh", outer)
	agent := testkit.Agent{Config: config, Args: []string{"--test"}}.Start(t)
	require.NoError(t, agent.Wait(time.Minute))
	require.Equal(t, 2, strings.Count(agent.Stdout(), "oneshot=true"), agent.Stdout())
}

// Each way in which inputs.execd can ask for gathers, or not ask at all.
func TestTelegrafSignals(t *testing.T) {
	t.Parallel()
	for signal, args := range map[string][]string{
		"STDIN": nil, "SIGHUP": nil, "SIGUSR1": nil, "SIGUSR2": nil,
		"none": {"-poll_interval", "200ms"},
	} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			metrics := filepath.Join(t.TempDir(), "metrics")
			command := append([]string{os.Args[0]}, args...)
			agent := testkit.Agent{Config: commandConfig(t, metrics, signal, command...)}.Start(t)
			require.Eventually(t, func() bool { return strings.Contains(read(t, metrics), "gather=3i") }, time.Minute, 50*time.Millisecond)
			require.NoError(t, agent.Stop())
			sizes := gatherSizes(read(t, metrics))
			for number := range len(sizes) {
				require.Equal(t, 1, sizes[fmt.Sprint(number+1)], "gather %d of %d", number+1, len(sizes))
			}
			require.Equal(t, 1, strings.Count(agent.Stderr(), "I! [inputs.execd] started"), "it was started once")
			require.Equal(t, 1, strings.Count(agent.Stderr(), "W! [inputs.execd] stopped"))
		})
	}
}

// gatherSizes counts the metrics of each gather.
func gatherSizes(text string) map[string]int {
	sizes := map[string]int{}
	for _, after := range strings.Split(text, "gather=")[1:] {
		number, _, _ := strings.Cut(after, "i")
		sizes[number]++
	}
	return sizes
}

// TestTelegrafStops checks that the last gather comes through, whole, after
// Telegraf was asked to stop, and what becomes of log lines.
func TestTelegrafStops(t *testing.T) {
	t.Parallel()
	metrics := filepath.Join(t.TempDir(), "metrics")
	agent := testkit.Agent{Config: telegrafConfig(t, metrics)}.Start(t)
	require.Eventually(t, func() bool { return strings.Contains(read(t, metrics), "gather=1i") }, time.Minute, 50*time.Millisecond)
	require.NoError(t, agent.Stop())

	sizes := gatherSizes(read(t, metrics))
	require.GreaterOrEqual(t, len(sizes), 2)
	for number := range len(sizes) {
		require.Equal(t, probeMetrics, sizes[fmt.Sprint(number+1)], "gather %d of %d", number+1, len(sizes))
	}
	require.Regexp(t, ` I! \[inputs.execd\] started`, agent.Stderr())
	require.Regexp(t, ` W! \[inputs.execd\] stopped`, agent.Stderr())
	require.NotContains(t, agent.Stderr(), " E! ")
}

// TestTelegrafShowsWhyAPluginFails checks that the last words arrive.
func TestTelegrafShowsWhyAPluginFails(t *testing.T) {
	t.Parallel()
	probe := file(t, "probe.conf", "[[inputs.probe]]\nno_start = true\n")
	config := file(t, "telegraf.conf", `
[[inputs.execd]]
  command = [%q, "-config", %q]
  environment = ["%s=input"]
  signal = "STDIN"
  restart_delay = "10ms"
[[outputs.discard]]
`, os.Args[0], probe, childVariable)
	agent := testkit.Agent{Config: config}.Start(t)
	require.Eventually(t, func() bool { return strings.Count(agent.Stderr(), "exited: exit status 1") > 10 }, time.Minute, 50*time.Millisecond)
	require.NoError(t, agent.Stop())
	log := agent.Stderr()
	require.GreaterOrEqual(t, strings.Count(log, "E! [inputs.execd] starting inputs.probe: no conntrack here"),
		strings.Count(log, "exited: exit status 1"))
}

// TestTelegrafToOutput sends what Telegraf makes of hard cases.
func TestTelegrafToOutput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200_000)
	lines := file(t, "lines", "%s", "long s=\""+long+"\" 1\n"+
		"newline s=\"a\nb\" 1\n"+
		"bad,t=\xff\xfe f=1 1\n"+
		"quote,t=\"\\ x s=\"\\\"\" 1\n"+
		strings.Repeat("many f=1i,u=1u 1\n", 20_000)+
		"last f=1 1\n")
	store, stored := storeConfig(t, "")
	config := file(t, "telegraf.conf", `
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_buffer_limit = 1_000_000
  metric_batch_size = 10_000
  omit_hostname = true
[[inputs.execd]]
  command = ["sh", "-c", "cat %s; exec cat"] # which ends with stdin
  data_format = "influx"
[[outputs.execd]]
  command = [%q, "-config", %q]
  environment = ["%s=output"]
  use_batch_format = true
  data_format = "influx"
`, lines, os.Args[0], store, childVariable)
	agent := testkit.Agent{Config: config}.Start(t)
	require.Eventually(t, func() bool { return strings.Contains(read(t, stored), "last") }, time.Minute, 50*time.Millisecond)
	require.NoError(t, agent.Stop())

	names := map[string]int{}
	for _, name := range strings.Fields(read(t, stored)) {
		names[name]++
	}
	require.Equal(t, map[string]int{"connect": 1, "long": 1, "newline": 1, "quote": 1, "many": 20_000, "last": 1, "close": 1}, names)
	require.Regexp(t, `E! \[outputs.execd\] stderr: E! rejected line \d+: at column 7: invalid utf-8 sequence`, agent.Stderr())
	require.Regexp(t, `I! \[outputs.execd\] I! connected`, agent.Stderr())
	require.Contains(t, agent.Stderr(), "stderr: W! closed")
}

// TestTelegrafKeepsWhatIsRefused checks that a store which is full again and
// again loses nothing: each process takes some metrics, refuses the rest, and
// the next one gets them from Telegraf's buffer.
func TestTelegrafKeepsWhatIsRefused(t *testing.T) {
	t.Parallel()
	const metrics = 20_000
	var text strings.Builder
	for i := range metrics {
		fmt.Fprintf(&text, "m%d f=1i 1\n", i)
	}
	store, stored := storeConfig(t, "limit = 4000")
	config := file(t, "telegraf.conf", `
[agent]
  interval = "1s"
  flush_interval = "200ms"
  flush_jitter = "0s"
  metric_buffer_limit = 1_000_000
  metric_batch_size = 1000
  omit_hostname = true
[[inputs.execd]]
  command = ["sh", "-c", "cat %s; exec cat"]
  data_format = "influx"
[[outputs.execd]]
  command = [%q, "-config", %q]
  environment = ["%s=output"]
  restart_delay = "100ms"
  use_batch_format = true
  data_format = "influx"
`, file(t, "lines", "%s", text.String()), os.Args[0], store, childVariable)
	agent := testkit.Agent{Config: config}.Start(t)
	var names map[string]bool
	require.Eventually(t, func() bool {
		names = map[string]bool{}
		for _, name := range strings.Fields(read(t, stored)) {
			names[name] = true
		}
		return len(names) >= metrics+2 // connect and close
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, agent.Stop())
	require.Len(t, names, metrics+2)
	require.Contains(t, agent.Stderr(), "E! the spool is full")
}

package testkit

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTelegrafToInflux sends one of Telegraf's own metrics to a server in a
// namespace.
func TestTelegrafToInflux(t *testing.T) {
	t.Parallel()
	ns := NewNetns(t)
	db := Influx(t, ns)
	db.Query("", "CREATE DATABASE x")
	config := filepath.Join(t.TempDir(), "telegraf.conf")
	require.NoError(t, os.WriteFile(config, []byte(`
[agent]
  interval = "1s"
  flush_interval = "1s"
[[inputs.internal]]
[[outputs.influxdb]]
  urls = ["${INFLUX}"]
  database = "x"
`), 0o644))
	agent := Agent{Config: config, Env: []string{"INFLUX=" + db.URL}, Netns: ns}.Start(t)
	require.Eventually(t, func() bool {
		return len(db.Query("x", "SHOW MEASUREMENTS")) > 0
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, agent.Stop())
	series := db.Query("x", "SELECT last(metrics_gathered) FROM internal_agent")
	require.Len(t, series, 1)
	require.IsType(t, json.Number(""), series[0].Values[0][1])
	require.Contains(t, agent.Stderr(), "Stopping running outputs")
}

func TestBinary(t *testing.T) {
	t.Parallel()
	program := Binary(t, "telegraf-conntrack-accounting/cmd/execd-plugin")
	require.True(t, strings.HasPrefix(program, Root(t)))
	child := StartChild(t, exec.Command(program, "-version"))
	require.NoError(t, child.Wait(time.Minute))
	require.Contains(t, child.Stdout(), "conntrack_accounting")
}

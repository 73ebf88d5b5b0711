package testkit

import (
	"encoding/json"
	"net/http"
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
	EachInflux(t, ns, func(t *testing.T, db *InfluxDB) {
		output := `
[[outputs.influxdb]]
  urls = ["${INFLUX}"]
  database = "telegraf"
`
		if db.Version == 2 {
			output = `
[[outputs.influxdb_v2]]
  urls = ["${INFLUX}"]
  token = "${TOKEN}"
  organization = "telegraf"
  bucket = "telegraf"
`
		}
		config := filepath.Join(t.TempDir(), "telegraf.conf")
		require.NoError(t, os.WriteFile(config, []byte(`
[agent]
  interval = "1s"
  flush_interval = "1s"
[[inputs.internal]]
`+output), 0o644))
		agent := Agent{Config: config, Env: []string{"INFLUX=" + db.URL, "TOKEN=" + db.Token}, Netns: ns}.Start(t)
		require.Eventually(t, func() bool {
			return len(db.Query("telegraf", "SHOW MEASUREMENTS")) > 0
		}, time.Minute, 100*time.Millisecond)
		require.NoError(t, agent.Stop())
		series := db.Query("telegraf", "SELECT last(metrics_gathered) FROM internal_agent")
		require.Len(t, series, 1)
		require.IsType(t, json.Number(""), series[0].Values[0][1])
		require.Contains(t, agent.Stderr(), "Stopping running outputs")

		// Grafana sends the user and the password of a data source so.
		request, err := http.NewRequest(http.MethodGet, db.URL+"/query?db=telegraf&q=SHOW+MEASUREMENTS", nil)
		require.NoError(t, err)
		request.SetBasicAuth("anybody", db.Token)
		answer, err := db.client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
	})
}

func TestBinary(t *testing.T) {
	t.Parallel()
	program := Binary(t, "telegraf-conntrack-accounting/cmd/execd-plugin")
	require.True(t, strings.HasPrefix(program, Root(t)))
	child := StartChild(t, exec.Command(program, "-version"))
	require.NoError(t, child.Wait(time.Minute))
	require.Contains(t, child.Stdout(), "conntrack_accounting")
}

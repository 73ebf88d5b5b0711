package e2e

import (
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Telegraf is killed while InfluxDB is away: what it kept for InfluxDB is there after a
// restart with a buffer on disk, and lost with one in memory. What psql-sink took is in
// Postgres either way. With influx_uint_support, our fields are what they are without.
func TestKilledTelegrafAndItsBuffer(t *testing.T) {
	t.Parallel()
	for strategy, kept := range map[string]bool{"memory": false, "disk": true} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			d := deploy(t)
			write(t, d.config, replace(t, read(t, d.config),
				"[agent]", "[agent]\n  buffer_strategy = \""+strategy+"\"\n  buffer_directory = \""+filepath.Join(d.folder, "buffer")+"\"",
				`flush_interval = "10s"`, `flush_interval = "1s"`, `flush_jitter = "2s"`, `flush_jitter = "0s"`,
				`database = "telegraf"`, "database = \"telegraf\"\n  skip_database_creation = true\n  influx_uint_support = true",
				`use_batch_format = true`, "use_batch_format = true\n  influx_uint_support = true"))
			d.influx.Query("", "CREATE DATABASE telegraf")
			port := d.influx.URL[strings.LastIndexByte(d.influx.URL, ':')+1:]
			d.gateway.router.Nft(t, "table inet away { chain out { type filter hook output priority 0; tcp dport "+port+" reject with tcp reset; }; }")

			agent := d.start()
			waitFor(t, agent, started)
			d.gateway.talk()
			require.Eventually(t, func() bool { return strings.Contains(d.tables(), "vpn_traffic") }, 30*time.Second, 100*time.Millisecond)
			var ledger map[series]sums
			require.Eventually(t, func() bool {
				ledger = d.gateway.counted()
				return reflect.DeepEqual(ledger, printed(t, whole(read(t, d.output)))) && reflect.DeepEqual(ledger, d.inPostgres())
			}, 30*time.Second, 100*time.Millisecond)
			agent.Signal(syscall.SIGKILL)
			require.Error(t, agent.Wait(time.Minute))
			d.gateway.router.Exec(t, "nft", "delete", "table", "inet", "away")

			agent = d.start()
			waitFor(t, agent, started)
			require.NoError(t, agent.Stop())
			require.Equal(t, ledger, d.inPostgres(), "vpn_traffic")
			if !kept {
				require.Empty(t, d.inInflux())
				return
			}
			require.Equal(t, ledger, d.inInflux(), "InfluxDB")
			for _, field := range d.influx.Query("telegraf", "SHOW FIELD KEYS FROM conntrack_accounting")[0].Values {
				require.Equal(t, "integer", field[1], field[0])
			}
		})
	}
}

// whole returns the complete lines of what is being written.
func whole(text string) string { return text[:strings.LastIndexByte(text, '\n')+1] }

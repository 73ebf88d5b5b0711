package e2e

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// With a state_file, Telegraf can be restarted amid traffic: what flows sent
// meanwhile, those that live through it and those that began, is in both
// databases, once.
func TestRestartLosesNothing(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	input := filepath.Join(d.folder, "conntrack_accounting.conf")
	write(t, input, replace(t, read(t, input), `# state_file = ""`, `state_file = "`+d.folder+`/state"`))
	// However slow the machine, no flow ends while nobody listens.
	for _, name := range []string{"udp_timeout", "udp_timeout_stream", "icmp_timeout", "icmpv6_timeout", "tcp_timeout_time_wait"} {
		d.gateway.router.Sysctl(t, "net.netfilter.nf_conntrack_"+name, 3600)
	}
	agent := d.start()
	waitFor(t, agent, started)
	conn := d.gateway.one.DialTCP(t, one4.host, two4.host+":80")
	for range 3 {
		d.gateway.talk()
		require.NoError(t, testkit.Transfer(conn, 10_000, 20_000))
		require.NoError(t, agent.Stop())
		requireCleanLog(t, agent.Stderr())

		d.gateway.talk()
		require.NoError(t, testkit.Transfer(conn, 30_000, 40_000))
		agent = d.start()
		waitFor(t, agent, started+": it continues from the state of")
	}
	require.NoError(t, agent.Stop())
	ledger := d.gateway.counted()
	require.Equal(t, ledger, printed(t, read(t, d.output)), "the plugin's output")
	require.Equal(t, ledger, d.inInflux(), "InfluxDB")
	require.Equal(t, ledger, d.inPostgres(), "vpn_traffic")
	require.NotEmpty(t, d.influx.Query("telegraf", `SELECT last(flows) FROM conntrack_accounting_internal`), "what the plugin says of itself")
}

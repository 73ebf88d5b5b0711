package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// The spool's disk gets full while traffic goes on: the sink ends, saying why,
// as often as Telegraf starts it; Telegraf keeps the metrics, and once there is
// room nothing is lost or doubled.
func TestTheDiskOfTheSpoolGetsFull(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	disk := testkit.NewDisk(t, 32<<20)
	sink := filepath.Join(d.folder, "vpn_traffic.conf")
	write(t, sink, replace(t, read(t, sink), `"`+d.folder+`/spool"`, `"`+disk.Path()+`/spool"`))
	write(t, d.config, replace(t, read(t, d.config),
		`restart_delay = "10s"`, `restart_delay = "1s"`,
		`flush_interval = "10s"`, `flush_interval = "1s"`,
		`flush_jitter = "2s"`, `flush_jitter = "0s"`,
	))
	agent := d.start()
	waitFor(t, agent, started)
	d.gateway.talk()
	require.Eventually(t, func() bool { return len(d.storedRows()) > 0 }, 30*time.Second, 100*time.Millisecond)

	var filler string
	const says = "the spool is full: the disk of "
	for begun := time.Now(); strings.Count(agent.Stderr(), says) < 3; time.Sleep(100 * time.Millisecond) {
		require.Less(t, time.Since(begun), 3*time.Minute)
		filler = disk.Fill(0) // also where a report was that has been stored since
		d.gateway.talk()
	}
	require.NoError(t, os.Remove(filler))
	ends := strings.Count(agent.Stderr(), says)
	d.gateway.talk()
	reports := len(d.storedRows())
	require.Eventually(t, func() bool { return len(d.storedRows()) > reports }, 30*time.Second, 100*time.Millisecond)
	require.NoError(t, agent.Stop())

	t.Logf("the operator reads:\n%s", agent.Stderr())
	require.LessOrEqual(t, strings.Count(agent.Stderr(), says), ends+1, "there was room again")
	ledger := d.gateway.counted()
	require.Equal(t, ledger, d.inInflux())
	require.Equal(t, ledger, d.inPostgres())
}

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Postgres is away while traffic goes on and several reports come: nothing is lost
// or doubled, and the operator is told once that it went and once that it
// came back.
func TestPostgresIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	write(t, d.config, replace(t, read(t, d.config), `flush_interval = "10s"`, `flush_interval = "1s"`, `flush_jitter = "2s"`, `flush_jitter = "0s"`))
	agent := d.start()
	waitFor(t, agent, started)
	d.gateway.talk()
	require.Eventually(t, func() bool { return strings.Contains(d.tables(), "vpn_traffic") }, 30*time.Second, 100*time.Millisecond)
	d.pg.Stop("immediate")
	require.Eventually(t, func() bool {
		d.gateway.talk()
		waiting, err := filepath.Glob(filepath.Join(d.folder, "spool", "new", "[^.]*"))
		return err == nil && len(waiting) >= 5 && strings.Contains(agent.Stderr(), "Postgres is unreachable")
	}, time.Minute, 100*time.Millisecond)
	d.pg.Start()
	d.gateway.talk()
	require.Eventually(t, func() bool { return strings.Contains(agent.Stderr(), "importing again after") }, 30*time.Second, 100*time.Millisecond)
	require.NoError(t, agent.Stop())
	ledger := d.gateway.counted()
	require.Equal(t, ledger, d.inInflux())
	require.Equal(t, ledger, d.inPostgres())
	require.Equal(t, 1, strings.Count(agent.Stderr(), "importing again after"))
}

// tables lists the tables of the database.
func (d *deployment) tables() (names string) {
	require.NoError(d.t, d.pg.DB().QueryRow(`SELECT coalesce(string_agg(tablename, ' '), '') FROM pg_tables`).Scan(&names))
	return names
}

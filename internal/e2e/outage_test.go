package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Postgres is away for half a minute while traffic goes on: nothing is lost
// or doubled, and the operator is told once that it went and once that it
// came back.
func TestPostgresIsAwayForHalfAMinute(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	agent := d.start()
	waitFor(t, agent, started)
	d.gateway.talk()
	require.Eventually(t, func() bool { return strings.Contains(d.tables(), "vpn_traffic") }, 30*time.Second, 100*time.Millisecond)
	d.pg.Stop("immediate")
	for back := time.Now().Add(30 * time.Second); time.Now().Before(back); {
		d.gateway.talk()
	}
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

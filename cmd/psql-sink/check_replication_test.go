package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A commit that waits for no standby may be gone after a failover, and one that waits for
// none that is there never ends.
func TestCheckOfReplication(t *testing.T) {
	c := newChecked(t)
	const wait = "synchronous_standby_names"
	c.pg.Set(wait, "*")
	require.Contains(t, c.check().Wrong(), "failure replication: commits wait for a standby (synchronous_standby_names is \"*\"), and none is connected")
	standby := c.pg.Standby(testkit.PGSetup{Settings: []string{"synchronous_standby_names="}})
	fine := func() {
		t.Helper()
		require.Eventually(t, func() bool { return c.check().Wrong() == "" }, time.Minute, 100*time.Millisecond)
	}
	fine() // once it is connected
	c.pg.Exec("ALTER ROLE vpn_traffic_writer SET synchronous_commit = local")
	f := c.check()
	require.Contains(t, f.Wrong(), "warning replication: synchronous_commit is local")
	c.sh(f.Commands()[0])
	fine()
	c.pg.Set(wait, "")
	require.Contains(t, c.check().Wrong(), "warning replication: commits wait for no standby, and there are 1: a failover loses what was stored last")
	standby.Stop("fast")
	fine()
}

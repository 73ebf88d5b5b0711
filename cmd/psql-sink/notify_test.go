package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// systemd hears from inside the sandbox that the sink is ready, also without Postgres,
// how it fares, and that it ends.
func TestWatchReportsToSystemd(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	pg.Stop("fast")
	p := build(t, pg.DSN())
	manager := testkit.NewManager(t)
	sink := p.command(nil, "watch", "-config", p.config, "-debug")
	sink.Env = append(os.Environ(), manager.Environment(200*time.Millisecond)...)
	require.NoError(t, sink.Start())
	t.Cleanup(func() { _ = sink.Process.Kill() })
	p.logs("D! sandbox: ")
	manager.Hears("READY=1\nSTATUS=no report waits; ")
	p.report(1)
	manager.Hears("WATCHDOG=1\nSTATUS=1 report waits (")
	manager.Hears("); Postgres is unreachable since ")
	manager.HearsMore("WATCHDOG=1\n")
	pg.Start()
	p.drained()
	manager.Hears("WATCHDOG=1\nSTATUS=no report waits; storing into vpn at " + pg.Dir())
	require.NoError(t, sink.Process.Signal(syscall.SIGHUP))
	manager.HearsMore("WATCHDOG=1\n")
	end(t, sink)
	require.True(t, strings.HasSuffix(manager.Text(), "STOPPING=1\nSTATUS=ending\n"), manager.Text())
	require.NotContains(t, p.log.String(), "systemd")
}

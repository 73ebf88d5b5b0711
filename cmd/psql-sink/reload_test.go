package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// SIGHUP makes watch read its configuration again, and ends it no more.
func TestWatchReloads(t *testing.T) {
	t.Parallel()
	p := build(t, testkit.Database(t).DSN())
	sink := p.start(nil, "watch")
	p.logs("I! importing reports from " + p.spool + "/new")
	p.configure("archive = true")
	require.NoError(t, sink.Process.Signal(syscall.SIGHUP))
	p.logs("I! reading the configuration again")
	require.Eventually(t, func() bool {
		return strings.Count(p.log.String(), "importing reports from") == 2
	}, time.Minute, 10*time.Millisecond)
	p.configure("spool_limit = 0")
	require.NoError(t, sink.Process.Signal(syscall.SIGHUP))
	require.Error(t, sink.Wait())
	p.logs("E! spool_limit = 0: must be more than 0")
}

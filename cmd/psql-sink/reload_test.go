package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
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

// Days that are over are summed up as soon as a sink runs.
func TestWatchSumsUpDays(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	db := migrated(t, pg.DSN())
	at := time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
	row := reportfile.Row{Time: at.UnixNano(), Src: "10.32.1.0", Dst: "10.33.1.0", Proto: "tcp", Port: 443, SrcBytes: 7}
	_, err := db.Import(t.Context(), "gw", []reportfile.Row{row})
	require.NoError(t, err)
	p := build(t, pg.DSN())
	sink := p.start(nil, "watch")
	require.Eventually(t, func() bool {
		var bytes int
		err := pg.DB().QueryRow(`SELECT src_bytes FROM vpn_traffic_month_by_pair WHERE time = '2026-01-01Z'`).Scan(&bytes)
		return err == nil && bytes == 7
	}, time.Minute, 10*time.Millisecond)
	end(t, sink)
}

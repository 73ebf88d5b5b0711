package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// What was rejected for how Telegraf is configured comes in once it is mended: the
// file is line protocol, which psql-sink reads as it reads Telegraf's, on standard
// input and in new/.
func TestRejectedMetricsCanBeSentAgain(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	const line = "vpn_traffic_raw,host=g\\ w,src=10.0.1.0,dst=10.0.2.0,proto=tcp,port=443 src_packets=1i,src_bytes=77i,dst_packets=3u,dst_bytes=4," +
		"note=\"two\nlines\" 1700000000000000001\n"
	require.NoError(t, p.start(strings.NewReader(line)).Wait())
	p.finish()
	files, err := filepath.Glob(filepath.Join(p.spool, "rejected", "metrics-*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(text), "is renamed traffic")

	require.NoError(t, p.start(strings.NewReader(strings.ReplaceAll(string(text), "vpn_traffic_raw,", "traffic,"))).Wait())
	p.finish()
	again := p.start(nil, "watch")
	require.NoError(t, os.Rename(files[0], filepath.Join(p.spool, "new", filepath.Base(files[0]))))
	require.Eventually(t, func() bool { return p.waiting() == 0 && len(p.rejected()) > 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, again.Process.Signal(syscall.SIGTERM))
	require.NoError(t, again.Wait())
	require.Contains(t, p.rejected(), "no line of it is a row; line 2: measurement \"vpn_traffic_raw\" is renamed traffic", "which is rejected again, since nobody has mended it")
	var stored string
	require.NoError(t, pg.DB().QueryRow(`SELECT concat_ws(' ', count(*), sum(src_bytes), min(host)) FROM vpn_traffic`).Scan(&stored))
	require.Equal(t, "1 77 g w", stored)
}

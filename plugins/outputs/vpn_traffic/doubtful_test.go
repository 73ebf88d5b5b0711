package vpn_traffic

import (
	"bytes"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/testkit"
)

// A spool that a reboot empties is said, at the start.
func TestSpoolInMemory(t *testing.T) {
	var log bytes.Buffer
	v := New()
	v.Spool, v.DSN = testkit.NewDisk(t, 64<<20).Path(), "host=/nowhere"
	v.Log = execd.NewLogger(&log, &log, false)
	require.NoError(t, v.Init())
	require.NoError(t, v.Connect())
	require.NoError(t, v.Close())
	require.Contains(t, log.String(), "W! spool: "+v.Spool+" is in memory (tmpfs): ")
}

// What is allowed and hardly meant is said.
func TestDoubtfulOptionsAreSaid(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*VPNTraffic)
		says string
	}{
		"the defaults":   {func(*VPNTraffic) {}, ""},
		"bytes":          {func(v *VPNTraffic) { v.SpoolLimit = 4 }, `spool_limit is 4 bytes, which a single report can fill; give it a unit, as in "4GiB"`},
		"too long":       {func(v *VPNTraffic) { v.CloseTimeout = config.Duration(10 * time.Second) }, `close_timeout is 10s, but Telegraf kills its child after 10s; set it to less, such as "4s"`},
		"long, not more": {func(v *VPNTraffic) { v.CloseTimeout = config.Duration(9 * time.Second) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := New()
			v.Spool = "."
			c.set(v)
			said := ""
			for _, found := range v.doubtful() {
				said += found.Text()
			}
			require.Equal(t, c.says, said)
		})
	}
}

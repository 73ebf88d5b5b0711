package conntrack_accounting

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"
)

func TestDefaultsAreValid(t *testing.T) {
	require.NoError(t, New().Init())
}

// Each wrong value is an error that names the option and the value. testcases/
// has whole messages.
func TestWrongOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		set  func(*Plugin)
		says []string
	}{
		{func(p *Plugin) { p.Destination = []string{"here"} }, []string{"destination:", `"here"`}},
		{func(p *Plugin) { p.Exclude = []string{"10.0.0.0/33"} }, []string{"exclude:", `"10.0.0.0/33"`}},
		{func(p *Plugin) { p.DestinationMask = "33" }, []string{"destination_mask:", `"33"`}},
		{func(p *Plugin) { p.SourceMaskIPv6 = 129 }, []string{"source_mask_ipv6:", "129"}},
		{func(p *Plugin) { p.DestinationMaskIPv6 = -1 }, []string{"destination_mask_ipv6:", "-1"}},
		{func(p *Plugin) { p.Families = []string{"ipx"} }, []string{"families:", `"ipx"`}},
		{func(p *Plugin) { p.Families = []string{} }, []string{"families:", "empty"}},
		{func(p *Plugin) { p.Ports = []string{"tcp:99999"} }, []string{"ports:", `"tcp:99999"`}},
		{func(p *Plugin) { p.NetworksFile = file + ".none" }, []string{"networks_file:", file + ".none"}},
		{func(p *Plugin) { p.SourceGroup = "networks" }, []string{"source_group:", `"networks"`}},
		{func(p *Plugin) { p.SourceGroupFallback = "any" }, []string{"source_group_fallback:", `"any"`}},
		{func(p *Plugin) { p.GroupBy = []string{"zone", "vlan"} }, []string{"group_by:", `"vlan"`}},
		{func(p *Plugin) { p.Zones = []int{70000} }, []string{"zones:", "70000"}},
		{func(p *Plugin) { p.Mark = "one" }, []string{"mark:", `"one"`}},
		{func(p *Plugin) { p.AddressView = "real" }, []string{"address_view:", `"real"`}},
		{func(p *Plugin) { p.ExistingFlows = "drop" }, []string{"existing_flows:", `"drop"`}},
		{func(p *Plugin) { p.MaxSeries = 0 }, []string{"max_series:", "0"}},
		{func(p *Plugin) { p.Unanswered = "drop" }, []string{"unanswered:", `"drop"`}},
		{func(p *Plugin) { p.ReportDirectory = file + ".none" }, []string{"report_directory:", file + ".none", "must exist"}},
		{func(p *Plugin) { p.ReportDirectory = file }, []string{"report_directory:", file, "is a file"}},
		{func(p *Plugin) { p.ReportDirectory = "/proc" }, []string{"report_directory:", "/proc", "must be writable"}},
		{func(p *Plugin) { p.ReportHost = "a\n" }, []string{"report_host:", `"a\n"`, "control character"}},
		{func(p *Plugin) { p.StateFile = "state" }, []string{"state_file:", `"state"`}},
		{func(p *Plugin) { p.StateInterval = -1 }, []string{"state_interval:", "-1ns"}},
		{func(p *Plugin) { p.ReceiveBuffer = config.Size(1) }, []string{"receive_buffer:", "1"}},
	} {
		p := New()
		c.set(p)
		err := p.Init()
		for _, part := range c.says {
			require.ErrorContains(t, err, part)
		}
	}
}

// Two gathers never share a time, even when the clock is set back, and no time is
// ahead of the clock by more than a step.
func TestStampsAreNeverUsedTwice(t *testing.T) {
	var s stamps
	now := time.UnixMilli(1_000_999)
	require.Equal(t, time.Unix(1000, 0), s.next(now))
	require.Equal(t, now, s.next(now))
	require.Equal(t, time.UnixMilli(1_001_000), s.next(now))
	require.Equal(t, time.UnixMilli(1_001_500), s.next(time.UnixMilli(1_001_500)))
	require.Equal(t, time.Unix(2000, 0), s.next(time.Unix(2000, 0)))
	require.Equal(t, time.UnixMilli(1_000_998), s.next(time.UnixMilli(1_000_998)), "the clock went back")
	for i := range int64(keptStamps) {
		s.next(time.Unix(5000+i, 0))
	}
	require.Len(t, s.used, keptStamps)
	require.Equal(t, time.Unix(1000, 0), s.next(now), "forgotten after a day")
}

// Many gathers in a few seconds: each has a time of its own, and none is ahead.
func TestStampsOfManyGathers(t *testing.T) {
	var s stamps
	seen := map[time.Time]bool{}
	for now := time.UnixMilli(1_000_000); now.Before(time.UnixMilli(1_006_000)); now = now.Add(100 * time.Millisecond) {
		at := s.next(now)
		require.False(t, seen[at])
		require.False(t, at.After(now))
		require.Less(t, now.Sub(at), time.Second)
		seen[at] = true
	}
}

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

// Each wrong value is an error that names the option and the value.
func TestWrongOptions(t *testing.T) {
	badPorts := filepath.Join(t.TempDir(), "ports")
	require.NoError(t, os.WriteFile(badPorts, []byte("tcp:80\n# comment\ntcp:99999\n"), 0o600))
	badNetworks := filepath.Join(t.TempDir(), "networks")
	require.NoError(t, os.WriteFile(badNetworks, []byte("# networks\n10.0.0.0/33,x\n"), 0o600))
	for _, c := range []struct {
		set  func(*Plugin)
		says []string
	}{
		{func(p *Plugin) { p.Source = []string{"10.0.0.1/8"} }, []string{"source:", `"10.0.0.1/8"`, `"10.0.0.0/8"`}},
		{func(p *Plugin) { p.Destination = []string{"here"} }, []string{"destination:", `"here"`}},
		{func(p *Plugin) { p.Exclude = []string{"10.0.0.0/33"} }, []string{"exclude:", `"10.0.0.0/33"`}},
		{func(p *Plugin) { p.SourceMask = "255.0.0" }, []string{"source_mask:", `"255.0.0"`}},
		{func(p *Plugin) { p.DestinationMask = "33" }, []string{"destination_mask:", `"33"`}},
		{func(p *Plugin) { p.SourceMaskIPv6 = 129 }, []string{"source_mask_ipv6:", "129"}},
		{func(p *Plugin) { p.DestinationMaskIPv6 = -1 }, []string{"destination_mask_ipv6:", "-1"}},
		{func(p *Plugin) { p.Families = []string{"ipx"} }, []string{"families:", `"ipx"`}},
		{func(p *Plugin) { p.Families = []string{} }, []string{"families:", "empty"}},
		{func(p *Plugin) { p.Ports = []string{"tcp:99999"} }, []string{"ports:", `"tcp:99999"`}},
		{func(p *Plugin) { p.PortsFile = badPorts }, []string{"ports_file:", badPorts, "line 3", `"tcp:99999"`}},
		{func(p *Plugin) { p.PortsFile = badPorts + ".none" }, []string{"ports_file:", badPorts + ".none"}},
		{func(p *Plugin) { p.NetworksFile = badNetworks }, []string{"networks_file:", badNetworks, "line 2", `"10.0.0.0/33"`}},
		{func(p *Plugin) { p.NetworksFile = badPorts + ".none" }, []string{"networks_file:", badPorts + ".none"}},
		{func(p *Plugin) { p.SourceGroup = "networks" }, []string{"source_group:", `"networks"`}},
		{func(p *Plugin) { p.DestinationGroup = "network" }, []string{"destination_group:", `"network"`, "networks_file"}},
		{func(p *Plugin) { p.SourceGroupFallback = "any" }, []string{"source_group_fallback:", `"any"`}},
		{func(p *Plugin) { p.DestinationGroupFallback = "other" }, []string{"destination_group_fallback:", `"other"`, "destination_group ="}},
		{func(p *Plugin) { p.GroupBy = []string{"zone", "vlan"} }, []string{"group_by:", `"vlan"`}},
		{func(p *Plugin) { p.Zones = []int{70000} }, []string{"zones:", "70000"}},
		{func(p *Plugin) { p.Mark = "one" }, []string{"mark:", `"one"`}},
		{func(p *Plugin) { p.Mark = "0x100/0xff" }, []string{"mark:", `"0x100/0xff"`}},
		{func(p *Plugin) { p.AddressView = "real" }, []string{"address_view:", `"real"`}},
		{func(p *Plugin) { p.ExistingFlows = "drop" }, []string{"existing_flows:", `"drop"`}},
		{func(p *Plugin) { p.MaxSeries = 0 }, []string{"max_series:", "0"}},
		{func(p *Plugin) { p.ReportDirectory = badPorts + ".none" }, []string{"report_directory:", badPorts + ".none", "must exist"}},
		{func(p *Plugin) { p.ReportDirectory = badPorts }, []string{"report_directory:", badPorts, "is a file"}},
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

// Two gathers never share a second, even when the clock is set back.
func TestStampsAreNeverUsedTwice(t *testing.T) {
	var s stamps
	now := time.Unix(1000, 999_000_000)
	require.Equal(t, time.Unix(1000, 0), s.next(now))
	require.Equal(t, time.Unix(1001, 0), s.next(now))
	require.Equal(t, time.Unix(2000, 0), s.next(time.Unix(2000, 0)))
	require.Equal(t, time.Unix(1002, 0), s.next(now), "the clock went back")
	for i := range int64(keptStamps) {
		s.next(time.Unix(5000+i, 0))
	}
	require.Len(t, s.used, keptStamps)
	require.Equal(t, time.Unix(1000, 0), s.next(now), "forgotten after a day")
}

package conntrack_accounting

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// discard is an accumulator that keeps nothing.
type discard struct{ telegraf.Accumulator }

func (discard) AddFields(string, map[string]interface{}, map[string]string, ...time.Time) {}

// BenchmarkNetworksFile compares gathers of 100,000 flows of the kernel, each
// of which has sent something since the last one: with a file of 100,000
// networks, for names and for groups, against none, with series of networks
// and with a series for each flow. The fastest gathers are compared, so that a
// noisy machine does not decide.
func BenchmarkNetworksFile(b *testing.B) {
	const flows = 100_000
	testkit.Need(b, "nft")
	ns := testkit.NewNetns(b)
	ns.Local(b, "10.32.0.0/11")
	ns.TrackAll(b)
	ns.ListenUDP(b, "0.0.0.0:9")
	client := ns.ListenUDP(b, "10.32.0.1:1000")
	file := filepath.Join(b.TempDir(), "networks.csv")
	var list strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&list, "%d.%d.%d.0/24,network %d,site=%d\n", 10+i>>16, i>>8&0xff, i&0xff, i, i%100)
	}
	require.NoError(b, os.WriteFile(file, []byte(list.String()), 0o600))

	plugins := map[string]*Plugin{}
	for name, set := range map[string]func(*Plugin){
		"without":           func(p *Plugin) { p.DestinationMask = "24" },
		"names":             func(p *Plugin) { p.DestinationMask, p.NetworksFile = "24", file },
		"groups":            func(p *Plugin) { p.SourceGroup, p.DestinationGroup, p.NetworksFile = "network", "network", file },
		"100k-series":       func(*Plugin) {},
		"100k-series-named": func(p *Plugin) { p.NetworksFile = file },
	} {
		p := New()
		p.NetworkNamespace, p.Log = ns.Path(), &lines{}
		set(p)
		require.NoError(b, p.Init())
		require.NoError(b, p.Start(discard{}))
		b.Cleanup(p.Stop)
		plugins[name] = p
	}
	fastest := map[string]time.Duration{}
	for b.Loop() {
		require.NoError(b, testkit.Spray(client, netip.MustParseAddr("10.34.0.0"), 9, flows, 10))
		for name, p := range plugins {
			began := time.Now()
			require.NoError(b, p.Gather(discard{}))
			if d := time.Since(began); fastest[name] == 0 || d < fastest[name] {
				fastest[name] = d
			}
		}
	}
	for of, base := range map[string]string{"names": "without", "groups": "without", "100k-series-named": "100k-series"} {
		b.ReportMetric(float64(fastest[of])/float64(fastest[base]), of+"/"+base)
	}
	b.ReportMetric(fastest["without"].Seconds()*1000, "ms-without")
	b.ReportMetric(0, "ns/op")
}

package scale_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/scale"
	"telegraf-conntrack-accounting/internal/testkit"
)

// A site by hand: two gateways of 100 rows every ten seconds are 20 rows a second.
func TestNeed(t *testing.T) {
	costs := scale.Costs{Event: 1, Flow: 2, Series: 3, Deliver: 4, Store: 5, Insert: 6, FlowMemory: 7, Wire: 8, Spool: 9, Disk: 10}
	need := costs.Of(scale.Site{Gateways: 2, Flows: 1000, Ended: 50, Series: 100, Interval: 10 * time.Second, Kept: 30 * time.Second})
	require.Equal(t, scale.Need{
		GatewayCores: 50 + 100*2 + 10*(3+4), GatewayMemory: 7000, Rows: 20, SinkCores: 100, DatabaseCores: 120,
		Disk: 20 * 30 * 10, Network: 160, SpoolHour: 20 * 3600 * 9,
	}, need)
}

// The same over NATS.
func TestNeedOverNATS(t *testing.T) {
	costs := scale.Costs{Deliver: 1e9, Store: 5, Wire: 1e9, NATS: scale.NATS{Deliver: 1, Nodes: 2, Relay: 3, In: 4, Out: 6, Disk: 7}}
	need := costs.Of(scale.Site{Gateways: 2, Series: 100, Interval: 10 * time.Second, NATS: true})
	require.Equal(t, scale.Need{GatewayCores: 10, Rows: 20, NodeCores: 40, SinkCores: 20 * (3 + 5), NodeNetwork: 80, Network: 120, NodeHour: 20 * 3600 * 7}, need)
}

// The tables of the documentation are the model's.
func TestTablesOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs/scale.md"))
	require.NoError(t, err)
	site := scale.Usual
	require.Contains(t, string(text), scale.Measured.Table(site))
	site.NATS = true
	require.Contains(t, string(text), scale.Measured.Table(site))
}

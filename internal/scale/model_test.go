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

// The table of the documentation is the model's.
func TestTableOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs/scale.md"))
	require.NoError(t, err)
	require.Contains(t, string(text), scale.Measured.Table(scale.Usual))
}

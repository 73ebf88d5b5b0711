package scale

import (
	"fmt"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/units"
)

// Usual is a gateway of a hundred networks that talk to each other.
var Usual = Site{Flows: 50_000, Ended: 1000, Series: 5000, Interval: 15 * time.Second, Kept: 30 * 24 * time.Hour}

// Table returns what 10 to 10,000 gateways like those of a site need, as Markdown.
func (c *Costs) Table(s Site) string {
	var text strings.Builder
	text.WriteString("| gateways | cores of each | rows/s | cores of sinks | cores of Postgres | into the sinks | spool after an hour | disk of Postgres |\n|---|---|---|---|---|---|---|---|\n")
	for _, s.Gateways = range []int{10, 100, 1000, 10_000} {
		n := c.Of(s)
		fmt.Fprintf(&text, "| %d | %.2f | %s | %.2f | %.2f | %s | %s | %s |\n", s.Gateways, n.GatewayCores, units.SI(n.Rows, ""), n.SinkCores, n.DatabaseCores,
			units.SI(8*n.Network, "bit/s"), units.SI(n.SpoolHour, "B"), units.SI(n.Disk, "B"))
	}
	return text.String()
}

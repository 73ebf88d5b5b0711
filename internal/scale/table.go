package scale

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/units"
)

// Usual is a gateway of a hundred networks that talk to each other.
var Usual = Site{Flows: 50_000, Ended: 1000, Series: 5000, Interval: 15 * time.Second, Kept: 30 * 24 * time.Hour}

// Table returns what 10 to 10,000 gateways like those of a site need, as Markdown. Over NATS,
// it leaves out what is the same without.
func (c *Costs) Table(s Site) string {
	head := []string{"gateways", "cores of each", "rows/s", "cores of sinks", "cores of Postgres", "into the sinks", "spool after an hour", "disk of Postgres"}
	if s.NATS {
		head = []string{"gateways", "cores of each", "cores of NATS", "cores of sinks", "into NATS", "into the sinks", "disk of NATS after an hour"}
	}
	text := line(head) + strings.Repeat("|---", len(head)) + "|\n"
	for _, s.Gateways = range []int{10, 100, 1000, 10_000} {
		n := c.Of(s)
		cells := []string{strconv.Itoa(s.Gateways), cores(n.GatewayCores)}
		if s.NATS {
			cells = append(cells, cores(n.NodeCores), cores(n.SinkCores), bits(n.NodeNetwork), bits(n.Network), units.SI(n.NodeHour, "B"))
		} else {
			cells = append(cells, units.SI(n.Rows, ""), cores(n.SinkCores), cores(n.DatabaseCores), bits(n.Network), units.SI(n.SpoolHour, "B"), units.SI(n.Disk, "B"))
		}
		text += line(cells)
	}
	return text
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
func cores(n float64) string     { return fmt.Sprintf("%.2f", n) }
func bits(n float64) string      { return units.SI(8*n, "bit/s") }

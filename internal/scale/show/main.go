// Command show prints which machines 10 to 10,000 gateways need, as a table of Markdown.
package main

import (
	"flag"
	"fmt"

	"telegraf-conntrack-accounting/internal/scale"
)

func main() {
	site := scale.Usual
	flag.Float64Var(&site.Flows, "flows", site.Flows, "entries of a gateway's connection tracking table")
	flag.Float64Var(&site.Ended, "ended", site.Ended, "flows that end per second, on each gateway")
	flag.Float64Var(&site.Series, "series", site.Series, "rows of a report")
	flag.DurationVar(&site.Interval, "interval", site.Interval, "between two reports of a gateway")
	flag.DurationVar(&site.Kept, "kept", site.Kept, "how long rows are kept")
	flag.BoolVar(&site.NATS, "nats", site.NATS, "have three NATS nodes between gateways and sinks")
	flag.Parse()
	fmt.Print(scale.Measured.Table(site))
}

// Package scale says which machines so many gateways need, from what was measured of one.
//
// It knows no kernel and no database: Need multiplies a Site by Costs. Each cost names what
// prints it, so that it can be measured again on other machines.
package scale

import "time"

// A Site is gateways that are alike.
type Site struct {
	Gateways int
	Flows    float64       // entries of a gateway's connection tracking table
	Ended    float64       // flows that end per second, on each gateway
	Series   float64       // rows of a report
	Interval time.Duration // between two reports of a gateway
	Kept     time.Duration // how long rows are kept
}

// Costs are of one machine of the benchmarks. CPU is in seconds of one core.
type Costs struct {
	Event      float64 // CPU of a flow that ends: make bench BENCH=Events
	Flow       float64 // CPU of an entry in a gather: make bench BENCH=Table
	Series     float64 // CPU of a series, from the deltas to the pipe: make bench BENCH=Series
	Deliver    float64 // CPU of a series in Telegraf, from the pipe to the acknowledgement: make scale
	Store      float64 // CPU of a row in psql-sink, from the request to the commit: make scale
	Insert     float64 // CPU of a row in Postgres, with all its sums: make scale
	FlowMemory float64 // bytes of an entry: make bench BENCH=Table
	Wire       float64 // bytes of a metric over TLS, packed by gzip: make scale
	Spool      float64 // bytes of a row in a spool, while Postgres is away
	Disk       float64 // bytes of a row in Postgres, with all sums and indexes: make bench BENCH=Scale
}

// Need is what a Site takes. Cores are those that are busy all the time: give machines twice
// as many, so that a report is in before the next one comes.
type Need struct {
	GatewayCores  float64 // of each gateway, with its Telegraf
	GatewayMemory float64 // bytes of each gateway, without Telegraf
	Rows          float64 // per second, of all gateways
	SinkCores     float64
	DatabaseCores float64
	Disk          float64 // bytes, when rows are as old as they become
	Network       float64 // bytes per second, into the sinks
	SpoolHour     float64 // bytes that wait after an hour without Postgres
}

// Of returns what a site needs.
func (c *Costs) Of(s Site) Need {
	reports := 1 / s.Interval.Seconds() // of a gateway, per second
	rows := float64(s.Gateways) * s.Series * reports
	return Need{
		GatewayCores:  s.Ended*c.Event + reports*(s.Flows*c.Flow+s.Series*(c.Series+c.Deliver)),
		GatewayMemory: s.Flows * c.FlowMemory,
		Rows:          rows,
		SinkCores:     rows * c.Store,
		DatabaseCores: rows * c.Insert,
		Disk:          rows * s.Kept.Seconds() * c.Disk,
		Network:       rows * c.Wire,
		SpoolHour:     rows * time.Hour.Seconds() * c.Spool,
	}
}

// Measured are the costs on two cores of a virtual machine, in docs/performance.md and
// docs/scale.md.
var Measured = Costs{
	Event: 2.3e-6, Flow: 1.7e-6, Series: 3.5e-6, Deliver: 15e-6, Store: 18e-6, Insert: 24e-6,
	FlowMemory: 163, Wire: 20, Spool: 100, Disk: 172,
}

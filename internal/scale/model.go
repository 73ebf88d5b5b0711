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
	NATS     bool          // whether three NATS nodes are between gateways and sinks
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
	NATS       NATS
}

// NATS is what a row costs on the way over three nodes: make scale NATS=1.
type NATS struct {
	Deliver float64 // CPU in a gateway's Telegraf, whose buffer is on disk, instead of the other Deliver
	Nodes   float64 // CPU in the three nodes together
	Relay   float64 // CPU in a sink's Telegraf
	In      float64 // bytes to the three nodes, with what they send each other
	Out     float64 // bytes to the sinks
	Disk    float64 // bytes on the disks of the three nodes, until a sink has the row
}

// Need is what a Site takes. Cores are those that are busy all the time: give machines twice
// as many, so that a report is in before the next one comes.
type Need struct {
	GatewayCores  float64 // of each gateway, with its Telegraf
	GatewayMemory float64 // bytes of each gateway, without Telegraf
	Rows          float64 // per second, of all gateways
	NodeCores     float64 // of the three NATS nodes together
	SinkCores     float64 // with their Telegrafs
	DatabaseCores float64
	Disk          float64 // bytes, when rows are as old as they become
	NodeNetwork   float64 // bytes per second, into the NATS nodes
	Network       float64 // bytes per second, into the sinks
	NodeHour      float64 // bytes on the disks of the NATS nodes after an hour without sinks
	SpoolHour     float64 // bytes that wait after an hour without Postgres
}

// Of returns what a site needs.
func (c *Costs) Of(s Site) Need {
	reports := 1 / s.Interval.Seconds() // of a gateway, per second
	rows := float64(s.Gateways) * s.Series * reports
	way := NATS{Deliver: c.Deliver, Out: c.Wire} // without any nodes
	if s.NATS {
		way = c.NATS
	}
	return Need{
		GatewayCores:  s.Ended*c.Event + reports*(s.Flows*c.Flow+s.Series*(c.Series+way.Deliver)),
		GatewayMemory: s.Flows * c.FlowMemory,
		Rows:          rows,
		NodeCores:     rows * way.Nodes,
		SinkCores:     rows * (way.Relay + c.Store),
		DatabaseCores: rows * c.Insert,
		Disk:          rows * s.Kept.Seconds() * c.Disk,
		NodeNetwork:   rows * way.In,
		Network:       rows * way.Out,
		NodeHour:      rows * time.Hour.Seconds() * way.Disk,
		SpoolHour:     rows * time.Hour.Seconds() * c.Spool,
	}
}

// Measured are the costs on two cores of a virtual machine, in docs/performance.md and
// docs/scale.md.
var Measured = Costs{
	Event: 2.3e-6, Flow: 1.7e-6, Series: 3.5e-6, Deliver: 11e-6, Store: 17e-6, Insert: 28e-6,
	FlowMemory: 163, Wire: 20, Spool: 100, Disk: 175,
	NATS: NATS{Deliver: 98e-6, Nodes: 11e-6, Relay: 18e-6, In: 450, Out: 235, Disk: 570},
}

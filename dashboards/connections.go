package main

import "slices"

const perSecond = "suffix:/s"

const tracked = "Only if track_open_connections is on in the input."

// connections shows all traffic of the gateways.
func connections(b backend) *dashboard {
	d := newDashboard(b, "connections", "Connections", "All traffic that the gateways forwarded, accounted to the opener of the connection.",
		slices.Concat(b.variables("host"), b.tops(everything, "src"), b.comparisons("before", "capacity"))...)
	d.add(b, 4,
		stat("Throughput", "bps", b.over(everything, line{"throughput", bits})).describe("Both ways, in the last step."),
		stat("Packets", "pps", b.over(everything, line{"packets", packets})).describe("Both ways, in the last step."),
		stat("Closed connections", perSecond, b.over(everything, line{"connections", connectionRate})).describe("In the last step."),
		stat("Average lifetime", "ms", b.over(everything, line{"lifetime", lifetime})).describe("Of the connections that closed in the last step."),
		stat("Open connections", "short", b.over(everything, line{"open", open})).describe(tracked),
	)
	d.add(b, 10, greatest(b, "Bandwidth per source", "bps", everything, "src", bits).describe("The ten sources with the most traffic, both ways."))
	d.add(b, 9,
		throughput(b, "Network throughput", everything).beside("^link capacity$", "red", b.capacity()...),
		bothWays("Packets", "pps", b.over(everything, line{"sent", sentPackets}, line{"received", receivedPackets})),
	)
	d.add(b, 13, ranking(b, everything, "Top sources", "src"), ranking(b, everything, "Top destinations", "dst"))
	d.add(b, 13, greatest(b, "Traffic per port", "bps", everything, "service", bits).describe("The ten ports with the most traffic, both ways."),
		ranking(b, everything, "Ports", "service"))
	d.add(b, 7, connectionRates(b, everything), lifetimes(b, everything))
	d.add(b, 10, greatest(b, "Open connections per source", "short", everything, "src", open).describe(tracked))
	return d
}

func connectionRates(b backend, what selection) *panel {
	return chart("Connection rate", perSecond, b.over(what, line{"closed connections", connectionRate})).
		describe("Connections that closed: TCP, SCTP and DCCP.")
}

func lifetimes(b backend, what selection) *panel {
	return chart("Average lifetime", "ms", b.over(what, line{"lifetime", lifetime})).
		describe("Of connections that closed in a step. There is no point where none did.")
}

// bothWays mirrors what is received below the axis.
func bothWays(title, unit string, targets ...object) *panel {
	p := chart(title, unit, targets...).
		describe("Above the line: sent by the opener of the connection. Below it: received by the opener.")
	delete(p.Fields.Defaults, "min")
	return p.matching("^sent", "color", object{"mode": "fixed", "fixedColor": "blue"}).
		matching("^received", "color", object{"mode": "fixed", "fixedColor": "green"}, "custom.transform", "negative-Y")
}

// throughput is sent and received traffic, with that of some time before.
func throughput(b backend, title string, what selection) *panel {
	lines := []line{{"sent", sentBits}, {"received", receivedBits}}
	return bothWays(title, "bps", b.over(what, lines...)).beside(" before$", "", b.before(what, lines...)...)
}

// amounts shows the sums in a table, narrow enough that all of them fit.
func (p *panel) amounts() *panel {
	return p.gauge("traffic", "decbytes").
		matching("^(sent|received)$", "unit", "decbytes", "custom.width", 85).
		matching("^(packets|connections)$", "unit", "sishort", "custom.width", 92).
		override("lifetime", "unit", "ms", "displayName", "average lifetime", "custom.width", 80)
}

// share shows what part of all something is.
func (p *panel) share() *panel {
	return p.override("share", "unit", "percentunit", "decimals", 1, "custom.width", 65)
}

// ranking is a table of the greatest.
func ranking(b backend, what selection, title, column string) *panel {
	target, transformations := b.ranking(what, column, 10)
	p := table(title, target)
	p.Transformations = transformations
	p.describe("The ten with the most traffic in the range, both ways, and the sum of all others.").amounts()
	if b.name() == "postgres" {
		p.share()
	}
	if isEnd(column) {
		return p.ends(b, column)
	}
	return p.service(b)
}

package main

const perSecond = "suffix: /s"

// connections shows all traffic of the gateways.
func connections(b backend) *dashboard {
	d := newDashboard(b, "connections", "Connections", "All traffic that the gateways forwarded, accounted to the opener of the connection.",
		append(b.variables("host"), b.gatewayVariables()...)...)
	d.add(b, 4,
		stat("Throughput", "bps", b.over(everything, line{"throughput", bits})),
		stat("Packets", "pps", b.over(everything, line{"packets", packets})),
		stat("Closed connections", perSecond, b.over(everything, line{"connections", connectionRate})),
		stat("Average lifetime", "ms", b.over(everything, line{"lifetime", lifetime})),
		stat("Open connections", "short", b.over(everything, line{"open", open})).
			describe("Only if track_open_connections is on in the input."),
	)
	d.add(b, 8,
		bothWays("Network throughput", "bps", b.over(everything, line{"sent", sentBits}, line{"received", receivedBits})),
		bothWays("Packets", "pps", b.over(everything, line{"sent", sentPackets}, line{"received", receivedPackets})),
	)
	d.add(b, 7,
		chart("Connection rate", perSecond, b.over(everything, line{"closed connections", connectionRate})),
		chart("Average lifetime", "ms", b.over(everything, line{"lifetime", lifetime})).
			describe("Of connections that closed in a step. There is no point where none did."),
	)
	d.heading(b, "Sources, destinations and ports")
	d.add(b, 9, chart("Bandwidth per source", "bps", b.by(everything, "src", bits, 10)).stacked().points(75).linked(b, "src"))
	d.add(b, 9, ranking(b, everything, "Top sources", "src"), ranking(b, everything, "Top destinations", "dst"))
	d.add(b, 8, chart("Traffic per port", "bps", b.by(everything, "service", bits, 10)).stacked(),
		ranking(b, everything, "Ports", "service"))
	d.heading(b, "Connection tracking")
	d.add(b, 8,
		chart("Open connections per source", "short", b.by(everything, "src", open, 10)).stacked().points(75).linked(b, "src"),
		tableUsePanel(b),
	)
	return d
}

// bothWays mirrors what is received below the axis.
func bothWays(title, unit string, target object) *panel {
	p := chart(title, unit, target).
		describe("Above the line: sent by the opener of the connection. Below it: received by the opener.")
	delete(p.Fields.Defaults, "min")
	p.Fields.Defaults["custom"].(object)["axisCenteredZero"] = true
	return p.override("sent", "color", object{"mode": "fixed", "fixedColor": "blue"}).
		override("received", "color", object{"mode": "fixed", "fixedColor": "green"}, "custom.transform", "negative-Y")
}

// ranking is a table of the greatest.
func ranking(b backend, what selection, title, column string) *panel {
	target, transformations := b.ranking(what, column, 10)
	p := table(title, target)
	p.Transformations = transformations
	p.gauge("traffic", "decbytes").override("sent", "unit", "decbytes").override("received", "unit", "decbytes").
		override("packets", "unit", "short").override("connections", "unit", "short").
		override("lifetime", "unit", "ms", "displayName", "average lifetime")
	if isEnd(column) {
		p.ends(b, column)
	} else {
		p.override("name", "displayName", "Port")
	}
	return p
}

// tableUsePanel shows how full the gateways' tables are.
func tableUsePanel(b backend) *panel {
	p := chart("Use of the connection tracking table", "short", tableUse()...).
		describe("When the table is full, the kernel drops new connections. Telegraf's conntrack input writes this to InfluxDB.").
		matching("maximum$", "color", object{"mode": "fixed", "fixedColor": "red"}, "custom.fillOpacity", 0,
			"custom.lineStyle", object{"fill": "dash", "dash": []int{10, 10}})
	p.Source = b.gateway()
	return p
}

package main

// groups shows the traffic of chosen groups.
func groups(b backend) *dashboard {
	d := newDashboard(b, "groups", "Groups", "Traffic of chosen sources, destinations, protocols, ports and gateways.",
		b.variables("src", "dst", "proto", "port", "host")...)
	d.add(b, 8,
		chart("Sent traffic", "bps", b.over(chosen, line{"sent", sentBits})).describe("From sources to destinations."),
		chart("Received traffic", "bps", b.over(chosen, line{"received", receivedBits})).describe("From destinations back to sources."),
	)
	d.add(b, 8,
		chart("Traffic per port", "bps", b.by(chosen, "service", bits, 10)).stacked(),
		chart("Packets", "pps", b.over(chosen, line{"sent", sentPackets}, line{"received", receivedPackets})),
	)
	d.add(b, 9, chart("Traffic per source", "bps", b.by(chosen, "src", bits, 10)).stacked().points(75).linked(b, "src"))
	d.add(b, 9, chart("Traffic per destination", "bps", b.by(chosen, "dst", bits, 10)).stacked().points(75).linked(b, "dst"))
	d.add(b, 8,
		chart("Connection count", perSecond, b.over(chosen, line{"closed connections", connectionRate})),
		chart("Average lifetime", "ms", b.over(chosen, line{"lifetime", lifetime})),
		chart("Open connections", "short", b.over(chosen, line{"open", open})),
	)
	d.add(b, 9, ranking(b, chosen, "Sources", "src"), ranking(b, chosen, "Destinations", "dst"))
	return d
}

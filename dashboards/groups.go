package main

import "slices"

// groups shows the traffic of chosen groups.
func groups(b backend) *dashboard {
	d := newDashboard(b, "groups", "Groups", "Traffic of chosen sources, destinations, protocols, ports and gateways.",
		slices.Concat(b.variables("src", "dst", "proto", "port", "host"), b.tops(chosen, "src", "dst"), b.comparisons("before", "capacity"))...)
	d.add(b, 9,
		throughput(b, "Throughput", chosen).beside("^link capacity$", "red", b.capacity()...),
		bothWays("Packets", "pps", b.over(chosen, line{"sent", sentPackets}, line{"received", receivedPackets})),
	)
	d.add(b, 10, greatest(b, "Traffic per source", "bps", chosen, "src", bits).describe("The ten sources with the most traffic, both ways."))
	d.add(b, 10, greatest(b, "Traffic per destination", "bps", chosen, "dst", bits).describe("The ten destinations with the most traffic, both ways."))
	d.add(b, 13, ranking(b, chosen, "Sources", "src"), ranking(b, chosen, "Destinations", "dst"))
	d.add(b, 10, greatest(b, "Traffic per port", "bps", chosen, "service", bits).describe("The ten ports with the most traffic, both ways."))
	d.add(b, 8, connectionRates(b, chosen), lifetimes(b, chosen),
		chart("Open connections", "short", b.over(chosen, line{"open", open})).describe(tracked),
	)
	return d
}

package main

import "slices"

// team shows a source: the connections that it opened, and those that others opened to it.
func team(b backend) *dashboard {
	source := b.variables("src", "host")
	single(source[len(source)-2])
	d := newDashboard(b, "team", "Team", "One group: the connections that it opened, and those that others opened to it.",
		slices.Concat(source, b.tops(asOpener, "dst"), b.tops(asResponder, "src"), b.comparisons("before"))...)
	d.add(b, 9,
		throughput(b, "Connections it opened", asOpener),
		throughput(b, "Connections to it", asResponder),
	)
	d.add(b, 13, ranking(b, asOpener, "It connects to", "dst"), ranking(b, asResponder, "It is reached by", "src"))
	d.add(b, 10,
		greatest(b, "Ports it uses", "bps", asOpener, "service", bits).describe("Of the connections that it opened."),
		greatest(b, "Ports it serves", "bps", asResponder, "service", bits).describe("Of the connections that others opened to it."),
	)
	d.add(b, 10, greatest(b, "Traffic per destination", "bps", asOpener, "dst", bits).describe("The ten that it exchanged the most with, by connections that it opened."))
	d.add(b, 10, greatest(b, "Traffic per source", "bps", asResponder, "src", bits).describe("The ten that exchanged the most with it, by connections that they opened."))
	d.add(b, 8, connectionRates(b, asOpener), lifetimes(b, asOpener))
	return d
}

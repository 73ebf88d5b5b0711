package main

import "strconv"

// wholeHours explains which sums answer quickly for any range.
const wholeHours = "For ranges longer than 15 minutes (one hour if a destination is chosen, six if a source is), sums cover whole hours."

// pair shows who talks to whom. Only Postgres can answer that for long ranges.
func pair(b postgres) *dashboard {
	d := newDashboard(b, "pair", "Who talks to whom", "Traffic between sources and destinations: choose a source, a destination, or both.",
		b.variables("src", "dst", "proto", "port", "host")...)
	pairs := func(columns string, top int, measure string) string {
		return `SELECT ` + columns + ` FROM vpn_traffic_pairs($__timeFrom(), $__timeTo(), ` + chosen.arguments() + `, ` + strconv.Itoa(top) + `, '` + measure + `')`
	}
	d.add(b, 8,
		bothWays("Throughput", "bps", b.over(chosen, line{"sent", sentBits}, line{"received", receivedBits})),
		chart("Traffic per port", "bps", b.by(chosen, "service", bits, 10)).stacked(),
	)
	matrix := table("Sources against destinations", sqlTable(`%s`, pairs(`source_name AS source, destination_name AS destination, src_bytes + dst_bytes AS traffic`, 250, "bytes")))
	matrix.Transformations = []object{
		{"id": "groupingToMatrix", "options": object{"rowField": "source", "columnField": "destination", "valueField": "traffic", "emptyValue": "null"}},
	}
	matrix.set(object{
		"unit": "decbytes", "color": object{"mode": "continuous-BlYlRd"}, "noValue": "",
		"custom": object{"align": "center", "cellOptions": object{"type": "color-background", "mode": "basic"}, "filterable": false, "inspect": false, "minWidth": 90},
	}).override("source\\"+"destination", "displayName", "source", "custom.cellOptions", object{"type": "auto"}, "custom.align", "left",
		"custom.width", 150).
		describe("Bytes in both directions of the 250 pairs with the most traffic; the list below has links. " + wholeHours)
	d.add(b, 12, matrix)
	flows := newPanel("nodeGraph", "Flows", []object{
		sqlTable(`WITH p AS (%s) SELECT 's ' || source AS id, min(source_name) AS title, 'source' AS subtitle, sum(b) AS mainstat FROM p GROUP BY source UNION ALL SELECT 'd ' || destination, min(destination_name), 'destination', sum(b) FROM p GROUP BY destination`,
			pairs(`source, destination, source_name, destination_name, src_bytes + dst_bytes AS b`, 40, "bytes")),
		sqlTable(`%s`, pairs(`source || ' ' || destination AS id, 's ' || source AS source, 'd ' || destination AS target, src_bytes + dst_bytes AS mainstat`, 40, "bytes")),
	}, object{}, object{
		"zoomMode": "cooperative", "layoutAlgorithm": "layered",
		"nodes": object{"mainStatUnit": "decbytes"}, "edges": object{"mainStatUnit": "decbytes"},
	}).describe("The 40 pairs with the most traffic, from sources to destinations. " + wholeHours)
	list := table("Pairs", sqlTable(`%s`, pairs(`source_name AS source, destination_name AS destination, src_bytes + dst_bytes AS traffic, src_bytes AS sent, dst_bytes AS received, connection_count AS connections, connection_times / nullif(connection_count, 0) AS lifetime, source AS src, destination AS dst`, 100, "all")))
	list.describe(wholeHours).gauge("traffic", "decbytes").override("sent", "unit", "decbytes").override("received", "unit", "decbytes").
		override("connections", "unit", "short").override("lifetime", "unit", "ms", "displayName", "average lifetime").
		override("source", "links", list.drillCell(b, "src", "src")).
		override("destination", "links", list.drillCell(b, "dst", "dst"))
	d.add(b, 14, flows, list)
	d.add(b, 10,
		heat("Destinations over time", "bps", b.by(chosen, "dst", bits, 25)).named().describe("The 25 destinations with the most traffic."),
		heat("Sources over time", "bps", b.by(chosen, "src", bits, 25)).named().describe("The 25 sources with the most traffic."),
	)
	d.add(b, 8,
		chart("Connection rate", perSecond, b.over(chosen, line{"closed connections", connectionRate})),
		chart("Average lifetime", "ms", b.over(chosen, line{"lifetime", lifetime})),
		bars("Ports", "decbytes", sqlTable(`SELECT name, src_bytes AS sent, dst_bytes AS received FROM vpn_traffic_totals($__timeFrom(), $__timeTo(), 'service', %s, 12, 'bytes')`, chosen.arguments())),
	)
	return d
}

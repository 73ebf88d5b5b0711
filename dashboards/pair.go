package main

// wholeHours explains which sums answer quickly for any range.
const wholeHours = "For ranges longer than 15 minutes (one hour if a destination is chosen, six if a source is), sums cover whole hours."

// pair shows who talks to whom. Only Postgres can answer that for long ranges.
func pair(b postgres) *dashboard {
	d := newDashboard(b, "pair", "Who talks to whom", "Traffic between sources and destinations: choose a source, a destination, or both.",
		append(b.variables("src", "dst", "proto", "port", "host"), timeBefore())...)
	pairs := func(columns string, top string, measure string) string {
		return `SELECT ` + columns + ` FROM vpn_traffic_pairs($__timeFrom(), $__timeTo(), ` + chosen.arguments() + `, ` + top + `, '` + measure + `')`
	}
	d.add(b, 17, matrix(pairs(`source_name AS source, destination_name AS destination, src_bytes + dst_bytes AS traffic`, "NULL", "bytes")))
	list := table("Pairs", sqlTable(`%s`, pairs(`source_name AS source, destination_name AS destination, src_bytes + dst_bytes AS traffic, (src_bytes + dst_bytes) / nullif(sum(src_bytes + dst_bytes) OVER (), 0) AS share, src_bytes AS sent, dst_bytes AS received, connection_count AS connections, connection_times / nullif(connection_count, 0) AS lifetime, source AS src, destination AS dst`, "100", "bytes, connections")))
	list.describe("The 100 pairs with the most traffic, and their share of it. "+wholeHours).amounts().share().
		matching("^(source|destination)$", wrapped("custom.minWidth", wideName)...).
		override("source", "links", list.drillCell(b, "src", "src")).
		override("destination", "links", list.drillCell(b, "dst", "dst"))
	d.add(b, 14, list)
	d.add(b, 10,
		throughput(b, "Throughput", chosen),
		greatest(b, "Traffic per port", "bps", chosen, "service", bits).describe("The ten ports with the most traffic, both ways."),
	)
	d.add(b, 10,
		heat("Destinations over time", "bps", b.by(chosen, "dst", bits, 25)...).named(b, "dst").describe("The 25 destinations with the most traffic."),
		heat("Sources over time", "bps", b.by(chosen, "src", bits, 25)...).named(b, "src").describe("The 25 sources with the most traffic."),
	)
	d.add(b, 8, connectionRates(b, chosen), lifetimes(b, chosen),
		bars("Ports", "decbytes", sqlTable(`SELECT name, src_bytes AS sent, dst_bytes AS received FROM vpn_traffic_totals($__timeFrom(), $__timeTo(), 'service', %s, 12, 'bytes')`, chosen.arguments())).
			describe("What the twelve ports with the most traffic sent and received in the range."),
	)
	return d
}

// matrix shows the traffic between the greatest sources and the greatest destinations.
// Its cells link to their pair: columns are called by what they are shown as, which the
// functions of the database know, too.
func matrix(pairs string) *panel {
	m := table("Sources against destinations", sqlTable(`WITH p AS MATERIALIZED (%s),
		s AS (SELECT source, sum(traffic) AS whole FROM p GROUP BY source ORDER BY whole DESC, source LIMIT 15),
		d AS (SELECT destination, sum(traffic) AS whole FROM p GROUP BY destination ORDER BY whole DESC, destination LIMIT 12)
		SELECT source, destination, traffic FROM s CROSS JOIN d LEFT JOIN p USING (source, destination) ORDER BY s.whole DESC, source, d.whole DESC, destination`, pairs))
	m.Transformations = []object{
		{"id": "groupingToMatrix", "options": object{"rowField": "source", "columnField": "destination", "valueField": "traffic", "emptyValue": "null"}},
	}
	const corner = "source" + `\` + "destination"
	return m.set(object{
		"unit": "decbytes", "min": 0, "noValue": "", "color": object{"mode": "thresholds"}, "thresholds": object{"mode": "percentage", "steps": shades},
		"custom": object{"align": "center", "cellOptions": object{"type": "color-background", "mode": "basic"}, "filterable": false, "inspect": false, "minWidth": 100, "wrapHeaderText": true},
	}).matching("^(?!source.destination$)", "links", []object{{"title": "This pair", "url": "/d/" + uid(postgres{}, "pair") + "?var-src=${__data.fields[0]:percentencode}&var-dst=${__field.name:percentencode}&" + keepRange}}).
		override(corner, "displayName", "source", "custom.cellOptions", object{"type": "auto", "wrapText": true}, "custom.wrapText", true, "custom.align", "left", "custom.width", 200).
		describe("Bytes in both directions between the 15 greatest sources and the 12 greatest destinations. Shades begin at 0.1, 1, 10 and 50 % of the greatest pair. " + wholeHours)
}

// shades tell magnitudes: one large pair would leave the others alike on a linear scale.
var shades = []object{
	{"color": "transparent", "value": nil},
	{"color": "super-light-blue", "value": 1e-9},
	{"color": "light-blue", "value": 0.1},
	{"color": "super-light-yellow", "value": 1},
	{"color": "light-orange", "value": 10},
	{"color": "light-red", "value": 50},
}

package main

import "fmt"

// explore draws any measure by anything. A panel cannot choose its unit or its style by a
// variable: each combination is a query of its own, of which one has rows.
func explore(b postgres) *dashboard {
	d := newDashboard(b, "explore", "Explore", "Any measure by anything: choose what to draw, and narrow it by clicking.",
		append(append([]*variable{
			oneOf("by", "By", "Source", "src", "Destination : dst, Pair : pair, Port : service, Protocol : proto, Gateway : host"),
			oneOf("measure", "Measure", "Traffic", "traffic", "Sent : sent, Received : received, Packets : packets, Closed connections : connections, Open connections : open"),
			oneOf("top", "Top", "10", "10", "5 : 5, 20 : 20, 50 : 50"),
			oneOf("style", "Style", "Stack", "stack", "Lines : lines"),
		}, b.variables("src", "dst", "proto", "port", "host")...), linkCapacity())...)
	p := chart("Over time", "short").stacked().rest().points(150).named(b, "").set(object{"links": []object{narrow("__field.labels.key")}})
	for _, style := range []string{"stack", "lines"} {
		for _, m := range explored {
			p.Targets = append(p.Targets, m.over(style))
			id := string(rune('A' + len(p.Targets) - 1))
			properties := []any{"unit", m.unit}
			if style == "lines" {
				properties = append(properties, "custom.stacking", object{"mode": "none", "group": "A"}, "custom.fillOpacity", 0, "custom.lineWidth", 1)
			}
			p.overrideBy("byFrameRefID", id, properties)
		}
	}
	p.beside("^link capacity$", "red", b.capacity()...)
	d.add(b, 14, p.describe("A click on a name chooses it, so that another By shows what it is made of."))
	totals := table("Whole range", sqlTable(`SELECT name, src_bytes + dst_bytes AS traffic, (src_bytes + dst_bytes) / nullif(sum(src_bytes + dst_bytes) OVER (), 0) AS share, src_bytes AS sent, dst_bytes AS received, src_packets + dst_packets AS packets, connection_count AS connections, connection_times / nullif(connection_count, 0) AS lifetime, %s AS key FROM vpn_traffic_totals($__timeFrom(), $__timeTo(), ${by:sqlstring}, %s, top => ${top:sqlstring}::integer, measure => 'bytes, packets, connections')`, linkKey, chosen.arguments()))
	totals.amounts().share().override("name", wrapped("custom.minWidth", wideName, "links", []object{narrow("__data.fields.key")})...).override("key", "custom.hidden", true, "custom.hideFrom.viz", true)
	d.add(b, 14, totals.describe("The same names with the sums of the range. A click on a name chooses it."))
	return d
}

// explored are the measures to choose from.
var explored = []exploredMeasure{
	{"traffic", "bps", bits},
	{"sent", "bps", sentBits},
	{"received", "bps", receivedBits},
	{"packets", "pps", packets},
	{"connections", perSecond, connectionRate},
	{"open", "short", open},
}

type exploredMeasure struct {
	name, unit string
	measure
}

func (m exploredMeasure) over(style string) object {
	return sqlSeries(`SELECT time, to_char(place, 'FM00000') AS place, name AS metric, %s AS key, %s AS value FROM vpn_traffic_series($__timeFrom(), $__timeTo(), '$__interval', ${by:sqlstring}, %s, top => ${top:sqlstring}::integer, measure => '%s') WHERE ${measure:sqlstring} = '%s' AND ${style:sqlstring} = '%s'`,
		linkKey, columns[m.measure].value, chosen.arguments(), columns[m.measure].measure, m.name, style)
}

// narrow is a link that chooses a value of the variable that By names: it comes last, and
// so takes the place of All.
func narrow(value string) object {
	return object{"title": "Choose", "url": fmt.Sprintf("/d/%s?${by:queryparam}&${measure:queryparam}&${top:queryparam}&${style:queryparam}&${src:queryparam}&${dst:queryparam}&${proto:queryparam}&${port:queryparam}&%s&var-${by}=${%s:percentencode}", uid(postgres{}, "explore"), keepRange, value)}
}

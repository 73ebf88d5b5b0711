package main

import (
	"fmt"
	"strings"
)

// influxdb asks InfluxQL, of one of two kinds of sums.
type influxdb struct{ sums influxSums }

func (i influxdb) name() string { return "influxdb" + i.sums.suffix }

func (influxdb) title() string { return "InfluxDB" }

func (influxdb) source() *source { return &source{Type: "influxdb", UID: "${datasource}"} }

func (i influxdb) choose() *variable {
	return chooser(i.source().Type, "Traffic in InfluxDB", "conntrack-influxdb")
}

func (i influxdb) variables(names ...string) []*variable {
	var list []*variable
	if i.sums.lookups {
		list = i.ranges()
	}
	for _, name := range names {
		list = append(list, &variable{
			Name: name, Label: labels[name], Type: "query", Source: i.source(), Refresh: 2, Multi: true, IncludeAll: true,
			AllValue: ".*", Current: allValues,
			Query: fmt.Sprintf(`SELECT "%[1]s", "x" FROM (SELECT last("src_bytes") AS "x" FROM %[2]s WHERE $timeFilter GROUP BY "%[1]s")`, name, i.rollup(name)),
		})
	}
	return list
}

func (i influxdb) hidden(name, query string) *variable {
	return &variable{Name: name, Type: "query", Source: i.source(), Refresh: 2, Hide: 2, Query: query}
}

// tops are hidden variables that hold the ten greatest of columns.
func (i influxdb) tops(what selection, names ...string) []*variable {
	var list []*variable
	for _, column := range names {
		_, clauses := i.from(what, column, i.sums.inVariable)
		v := i.hidden("top_"+column, fmt.Sprintf(`SELECT "%[1]s", "most" FROM (SELECT top("traffic", "%[1]s", 10) AS "most" FROM (SELECT sum("src_bytes") + sum("dst_bytes") AS "traffic" %[2]s GROUP BY "%[1]s"))`, column, clauses))
		v.Multi, v.IncludeAll, v.Current = true, true, allValues
		list = append(list, v)
	}
	return list
}

// formulas are what measures are made of, with the seconds (%[1]s) and reports (%[2]s) of
// a step.
var formulas = map[measure]string{
	sentBits:        `sum("src_bytes") * 8 / %[1]s`,
	receivedBits:    `sum("dst_bytes") * 8 / %[1]s`,
	bits:            `(sum("src_bytes") + sum("dst_bytes")) * 8 / %[1]s`,
	sentPackets:     `sum("src_packets") / %[1]s`,
	receivedPackets: `sum("dst_packets") / %[1]s`,
	packets:         `(sum("src_packets") + sum("dst_packets")) / %[1]s`,
	connectionRate:  `sum("connection_count") / %[1]s`,
	lifetime:        `sum("connection_times") / sum("connection_count")`,
	open:            `sum("open_connections") / %[2]s`,
}

// chosenTags are tags, and the variables that choose their values.
var chosenTags = map[selection][][2]string{
	chosen:      {{"src", "src"}, {"dst", "dst"}, {"proto", "proto"}, {"port", "port"}, {"host", "host"}},
	asOpener:    {{"src", "src"}, {"host", "host"}},
	asResponder: {{"dst", "src"}, {"host", "host"}},
}

// from returns the kind of a measurement, and the clauses that read it at the times that
// when says. Only the full one has all tags.
func (i influxdb) from(what selection, column, when string) (kind, clauses string) {
	if what != everything {
		clauses = "FROM " + i.sums.full + " WHERE " + ofKind(when, "full")
		for _, tag := range chosenTags[what] {
			clauses += fmt.Sprintf(` AND "%s" =~ /^${%s:regex}$/`, tag[0], tag[1])
		}
		return "full", clauses
	}
	return "rollup", "FROM " + i.rollup(column) + " WHERE " + ofKind(when, "rollup") + ` AND "host" =~ /^${host:regex}$/`
}

// rollup is the measurement of the sums that have a column.
func (i influxdb) rollup(column string) string {
	if !isEnd(column) {
		column = "port"
	}
	return i.sums.rollup + column + `"`
}

// tags are what a column is made of, in the order of a table. An end that has no
// name has an empty one here.
var tags = map[string][]string{"src": {"src", "src_name"}, "dst": {"dst", "dst_name"}, "service": {"proto", "port"}}

// aliases name the lines; of an empty name no browser shows the space.
var aliases = map[string]string{
	"src": "$tag_src_name $tag_src", "dst": "$tag_dst_name $tag_dst", "service": "$tag_proto/$tag_port",
}

// groupBy writes the tags of a column after what may come before them.
func groupBy(column string, before ...string) string {
	terms := before
	for _, tag := range tags[column] {
		terms = append(terms, `"`+tag+`"`)
	}
	return "GROUP BY " + strings.Join(terms, ", ")
}

func (i influxdb) over(what selection, lines ...line) object {
	return i.lines(what, "", "", "", "$col", lines...)
}

// by gives the sources or destinations that a variable of tops holds, and the sum of
// all others; of ports all.
func (i influxdb) by(what selection, column string, m measure, _ int) []object {
	if !isEnd(column) {
		return []object{i.lines(what, column, "", column, aliases[column], line{"value", m})}
	}
	top := fmt.Sprintf(` AND "%[1]s" =~ /^${top_%[1]s:regex}$/`, column)
	return []object{
		i.lines(what, column, top, column, aliases[column], line{"value", m}),
		i.lines(what, column, strings.Replace(top, "=~", "!~", 1), "", "$col", line{others, m}),
	}
}

// lines reads what knows a column, with a condition, by another one or all
// together.
func (i influxdb) lines(what selection, column, condition, by, alias string, lines ...line) object {
	kind, clauses := i.from(what, column, i.sums.wholeSteps)
	clauses += condition
	var values []string
	for _, l := range lines {
		values = append(values, fmt.Sprintf(formulas[l.measure]+` AS "%[3]s"`, ofKind(i.sums.seconds, kind), ofKind(i.sums.points, kind), l.label))
	}
	if lines[0].measure == lifetime {
		clauses += ` AND "connection_count" > 0`
	}
	return influxSeries(alias, fmt.Sprintf(`SELECT %s %s %s fill(null)`, strings.Join(values, ", "), clauses, groupBy(by, "time("+ofKind(i.sums.step, kind)+")")))
}

// InfluxQL can neither shift times nor give a constant.
func (influxdb) before(selection, ...line) []object { return nil }

func (influxdb) capacity() []object { return nil }

func (influxdb) comparisons(...string) []*variable { return nil }

func (i influxdb) ranking(what selection, column string, top int) (object, []object) {
	_, clauses := i.from(what, column, i.sums.wholeSteps)
	target := object{
		"query": fmt.Sprintf(`SELECT sum("src_bytes") + sum("dst_bytes") AS "traffic", sum("src_bytes") AS "sent", sum("dst_bytes") AS "received", sum("connection_count") AS "connections", sum("connection_times") / sum("connection_count") AS "lifetime" %s %s`,
			clauses, groupBy(column)),
		"rawQuery": true, "resultFormat": "table",
	}
	return target, []object{
		{"id": "organize", "options": columnsOf(column)},
		{"id": "sortBy", "options": object{"fields": object{}, "sort": []object{{"field": "traffic", "desc": true}}}},
		{"id": "limit", "options": object{"limitField": top}},
	}
}

// columnsOf puts the tags first, which Grafana gives in any order, and calls the
// address and the name of an end as they are called in the tables of Postgres.
func columnsOf(column string) object {
	order, rename := object{}, object{}
	for n, tag := range tags[column] {
		order[tag] = n
	}
	if isEnd(column) {
		rename[column], rename[column+"_name"] = "key", "name"
	}
	return object{"excludeByName": object{"Time": true}, "indexByName": order, "renameByName": rename}
}

func influxSeries(alias, query string) object {
	return object{"query": query, "rawQuery": true, "resultFormat": "time_series", "alias": alias}
}

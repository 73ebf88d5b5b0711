package main

import (
	"fmt"
	"strings"
)

// postgres asks the functions that the sink's migrations install.
type postgres struct{}

func (postgres) name() string  { return "postgres" }
func (postgres) title() string { return "Postgres" }

func (postgres) source() *source {
	return &source{Type: "grafana-postgresql-datasource", UID: "${datasource}"}
}

func (p postgres) choose() *variable {
	return chooser(p.source().Type, "Traffic in Postgres", "conntrack-postgres")
}

func (p postgres) variables(names ...string) []*variable {
	list := make([]*variable, len(names))
	for i, name := range names {
		text := "name" // the value is the address, whatever it is called
		if name == "port" {
			text = "replace(name, '-1', 'other')"
		}
		list[i] = &variable{
			Name: name, Label: labels[name], Type: "query", Source: p.source(), Refresh: 2, Multi: true, IncludeAll: true,
			// All is no condition at all, not a list of all values.
			AllValue: "NULL", Current: allValues,
			Query: fmt.Sprintf(`SELECT value AS __value, %s AS __text FROM vpn_traffic_values('%s', $__timeFrom(), $__timeTo())`, text, name),
		}
	}
	return list
}

// columns are what measures are made of, and what to ask the functions for.
var columns = map[measure]struct{ value, measure string }{
	sentBits:        {"8 * src_bytes / seconds", "bytes"},
	receivedBits:    {"8 * dst_bytes / seconds", "bytes"},
	bits:            {"8 * (src_bytes + dst_bytes) / seconds", "bytes"},
	sentPackets:     {"src_packets / seconds", "packets"},
	receivedPackets: {"dst_packets / seconds", "packets"},
	packets:         {"(src_packets + dst_packets) / seconds", "packets"},
	connectionRate:  {"connection_count / seconds", "connections"},
	lifetime:        {"connection_times / nullif(connection_count, 0)", "connections"},
	open:            {"open_connections", "open"},
}

// arguments are the lists of values for src, dst, proto, port and host.
func (what selection) arguments() string {
	switch what {
	case everything:
		return "host => ARRAY[${host:sqlstring}]"
	case asOpener:
		return "src => ARRAY[${src:sqlstring}], host => ARRAY[${host:sqlstring}]"
	case asResponder:
		return "dst => ARRAY[${src:sqlstring}], host => ARRAY[${host:sqlstring}]"
	}
	var list []string
	for _, name := range []string{"src", "dst", "proto", "port", "host"} {
		list = append(list, "ARRAY[${"+name+":sqlstring}]")
	}
	return strings.Join(list, ", ")
}

func (postgres) over(what selection, lines ...line) object {
	return sqlSeries(`SELECT time, %s FROM vpn_traffic_series($__timeFrom(), $__timeTo(), '$__interval', '', %s, measure => '%s')`,
		values("", lines), what.arguments(), columns[lines[0].measure].measure)
}

func (postgres) comparisons(names ...string) (list []*variable) {
	known := map[string]*variable{"before": timeBefore(), "capacity": linkCapacity()}
	for _, name := range names {
		list = append(list, known[name])
	}
	return list
}

// before gives the same of some time before, if the variable of that name says one.
func (postgres) before(what selection, lines ...line) []object {
	return []object{sqlSeries(`SELECT time + shift AS time, %s FROM (SELECT CASE ${before:sqlstring} WHEN 'range' THEN $__timeTo()::timestamptz - $__timeFrom()::timestamptz ELSE nullif(${before:sqlstring}, 'no')::interval END AS shift) AS s
	CROSS JOIN LATERAL vpn_traffic_series($__timeFrom()::timestamptz - shift, $__timeTo()::timestamptz - shift, '$__interval', '', %s, measure => '%s') WHERE shift IS NOT NULL`,
		values(" before", lines), what.arguments(), columns[lines[0].measure].measure)}
}

// values are the columns of lines.
func values(suffix string, lines []line) string {
	var list []string
	for _, l := range lines {
		list = append(list, fmt.Sprintf(`%s AS "%s%s"`, columns[l.measure].value, l.label, suffix))
	}
	return strings.Join(list, ", ")
}

// capacity is a line where the variable of that name has a number.
func (postgres) capacity() []object {
	return []object{sqlSeries(`SELECT time, 1e6 * number AS "link capacity" FROM (SELECT substring(${capacity:sqlstring} FROM '^ *([0-9]+[.]?[0-9]*) *$')::numeric AS number) AS c, unnest(ARRAY[$__timeFrom(), $__timeTo()]::timestamptz[]) AS time WHERE number IS NOT NULL`)}
}

// isEnd reports whether a column has addresses, which may have names.
func isEnd(column string) bool { return column == "src" || column == "dst" }

// by gives lines three labels: place, by which Grafana's backend sorts them, metric,
// which is what to show, and key, to which links lead.
func (postgres) by(what selection, column string, m measure, top int) []object {
	return []object{sqlSeries(`SELECT time, to_char(place, 'FM00000') AS place, name AS metric, %s AS key, %s AS value FROM vpn_traffic_series($__timeFrom(), $__timeTo(), '$__interval', '%s', %s, top => %d, measure => '%s')`,
		linkKey, columns[m].value, column, what.arguments(), top, columns[m].measure)}
}

// linkKey is what a link puts into a variable: for all others, all.
const linkKey = `replace(key, 'all others', '$__all')`

// tops is for databases that cannot sum up all but the top ones.
func (postgres) tops(selection, ...string) []*variable { return nil }

func (postgres) ranking(what selection, column string, top int) (object, []object) {
	key := ""
	if isEnd(column) {
		key = ", " + linkKey + " AS key"
	}
	return sqlTable(`SELECT name, src_bytes + dst_bytes AS traffic, (src_bytes + dst_bytes) / nullif(sum(src_bytes + dst_bytes) OVER (), 0) AS share, src_bytes AS sent, dst_bytes AS received, connection_count AS connections, connection_times / nullif(connection_count, 0) AS lifetime%s FROM vpn_traffic_totals($__timeFrom(), $__timeTo(), '%s', %s, top => %d, measure => 'bytes, connections')`,
		key, column, what.arguments(), top), nil
}

func sqlSeries(format string, args ...any) object {
	return sqlTarget("time_series", fmt.Sprintf(format, args...))
}

func sqlTable(format string, args ...any) object {
	return sqlTarget("table", fmt.Sprintf(format, args...))
}

func sqlTarget(format, text string) object {
	return object{"rawSql": text, "format": format, "rawQuery": true, "editorMode": "code"}
}

package main

// annotations are what people noted, and what explains how charts look.
func (p postgres) annotations() []annotation {
	mark := func(name, color, columns, from string) annotation {
		return annotation{name, p.source(), true, color, sqlTable(`SELECT %s FROM %s ORDER BY 1 LIMIT 200`, columns, from)}
	}
	return []annotation{
		mark("Events", "purple", `time, until AS timeend, title || coalesce(' (' || host || ')', '') AS title, text, array_to_string(tags, ',') AS tags`,
			`vpn_traffic_events WHERE time <= $__timeTo() AND coalesce(until, time) >= $__timeFrom()`),
		mark("Outages", "red", `began AS time, ended AS timeend, 'No reports of ' || gateway AS title, 'outage' AS tags`,
			`vpn_traffic_outages($__timeFrom(), $__timeTo())`),
		mark("Starts of sinks", "blue", `started AS time, 'psql-sink started' AS title, sink AS text, 'start' AS tags`,
			`sink_status WHERE $__timeFilter(started)`),
		mark("New names", "green", `since AS time, address || ' is called ' || name AS title, host AS text, 'name' AS tags`,
			`vpn_traffic_name_history AS n WHERE $__timeFilter(since) AND EXISTS (SELECT FROM vpn_traffic_name_history AS o
		WHERE o.kind = n.kind AND o.address = n.address AND o.host = n.host AND o.since < n.since)`),
	}
}

// annotations of InfluxDB are the starts of the input: its counters begin anew.
func (i influxdb) annotations() []annotation {
	return []annotation{{"Starts of the input", i.source(), true, "blue", object{
		"query":    `SELECT "host", "change" FROM (SELECT difference("destroy_events") AS "change" FROM "conntrack_accounting_internal" WHERE $timeFilter GROUP BY "host") WHERE "change" < 0`,
		"rawQuery": true, "fromAnnotations": true, "textColumn": "host",
	}}}
}

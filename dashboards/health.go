package main

// lastReports asks when each gateway reported last: each that is known, however long it
// has been silent.
const lastReports = `SELECT coalesce(gateway, 'no gateway') AS gateway, extract(epoch FROM now() - last) AS age
	FROM (VALUES (1)) AS one LEFT JOIN vpn_traffic_heard(ARRAY[${host:sqlstring}]) ON true ORDER BY gateway`

// reportsOverTime counts the reports of each known gateway in each step that is over,
// also where there were none.
const reportsOverTime = `SELECT step AS time, gateways.gateway AS metric, coalesce(reports, 0) AS reports
	FROM generate_series(date_bin('$__interval', $__timeFrom(), 'epoch'), least($__timeTo(), now() - interval '$__interval'), '$__interval') AS step
	CROSS JOIN (SELECT value AS gateway FROM vpn_traffic_values WHERE kind = 'host' AND first_day <= $__timeTo()::timestamptz::date
		AND (ARRAY[${host:sqlstring}] = ARRAY[NULL]::text[] OR value = ANY (ARRAY[${host:sqlstring}]))) AS gateways
	LEFT JOIN vpn_traffic_counts(date_bin('$__interval', $__timeFrom(), 'epoch'), $__timeTo()::timestamptz + '$__interval', '$__interval', ARRAY[${host:sqlstring}]) AS c
		ON c.time = step AND c.gateway = gateways.gateway ORDER BY step, metric`

// reportCount sums up a column of what the range has.
const reportCount = `SELECT coalesce(sum(%s), 0) AS reports FROM vpn_traffic_counts($__timeFrom(), $__timeTo()::timestamptz + interval '1 microsecond', NULL, ARRAY[${host:sqlstring}])`

// postgresHealth shows whether reports arrive in Postgres, and how much disk they use
// there.
func postgresHealth(b postgres) *dashboard {
	d := newDashboard(b, "health", "Health", "Whether reports arrive, and how much disk they use.",
		b.variables("host")...)
	d.add(b, 5,
		stat("Age of the last report", "s", sqlTable(`%s`, lastReports)).
			describe("Of each gateway that ever reported. One that is gone for good is forgotten with psql-sink forget -host.").each().
			warn(120, 600).set(object{"mappings": []object{noData("never", "red")}}),
		stat("Reports in this range", "sishort", sqlTable(reportCount, "reports")).
			describe("One for each gateway and interval."),
		stat("Late or repeated reports", "sishort", sqlTable(reportCount, "repeated")).
			describe("Reports that arrived in more than one delivery: in parts, or again. No row is stored twice."),
	)
	d.add(b, 8,
		chart("Reports", "short", sqlSeries(`%s`, reportsOverTime)).
			stacked().describe("The reports of each step, one gateway upon the other. Where they drop, none arrived: the gateway, Telegraf or the sink was down."),
	)
	d.add(b, 7, sinks())
	const sizes = `SELECT parent AS table, count(*) AS partitions, min(first) AS since, sum(size) AS size FROM vpn_traffic_sizes() GROUP BY parent ORDER BY size DESC`
	d.add(b, 9,
		table("Disk use", sqlTable(sizes)).gauge("size", "bytes").override("since", "unit", "dateTimeAsIso", "custom.minWidth", 150).override("table", "custom.minWidth", 228).
			override("partitions", "custom.width", 100).override("size", "custom.width", 180).describe("Tables with their indexes, and how far back they go."),
		bars("Disk use of raw rows per day", "bytes", sqlTable(`SELECT to_char(first, 'YYYY-MM-DD') AS day, sum(size) AS size FROM vpn_traffic_sizes() WHERE parent = 'vpn_traffic' AND first BETWEEN $__timeFrom()::timestamptz::date - 30 AND $__timeTo()::timestamptz::date GROUP BY first ORDER BY first`)).
			upright().describe("Partitions of vpn_traffic with their indexes: of the range, and the 30 days before."),
	)
	return d
}

// sinks is a row for each sink that ever wrote.
func sinks() *panel {
	return table("Sinks", sqlTable(`SELECT sink, extract(epoch FROM now() - updated) AS heard, extract(epoch FROM now() - last_commit) AS committed, spool_files AS waiting, spool_bytes AS size, extract(epoch FROM now() - spool_oldest) AS oldest, seconds_per_report AS import, rows, duplicates, rejected, started FROM sink_status ORDER BY sink`)).
		describe("The status that each psql-sink reports. Counters are totals since its start.").
		override("heard", warning(60, 600, "displayName", "last update, ago", "unit", "s")...).
		override("committed", warning(120, 900, "displayName", "last import, ago", "unit", "s")...).
		override("waiting", warning(10, 1000, "displayName", "reports waiting", "unit", "short")...).
		override("size", "displayName", "spool size", "unit", "bytes").
		override("oldest", warning(60, 600, "displayName", "age of the oldest", "unit", "s")...).
		override("import", "displayName", "time per report", "unit", "s").
		matching("^(rows|duplicates)$", "unit", "sishort").
		override("rejected", warning(1, 1000)...).
		override("started", "unit", "dateTimeFromNow", "custom.minWidth", 110)
}

// warning adds to properties of a cell that its text is yellow and red from there on.
func warning(yellow, red float64, properties ...any) []any {
	return append(properties, "color", object{"mode": "thresholds"}, "thresholds", thresholds(yellow, red),
		"custom.cellOptions", object{"type": "color-text"})
}

// warn does the same for a number.
func (p *panel) warn(yellow, red float64) *panel {
	return p.set(object{"color": object{"mode": "thresholds"}, "thresholds": thresholds(yellow, red)})
}

// thresholds are green, then yellow, then red.
func thresholds(yellow, red float64) object {
	return object{"mode": "absolute", "steps": []object{
		{"color": "green", "value": nil}, {"color": "yellow", "value": yellow}, {"color": "red", "value": red},
	}}
}

// each shows a number for each row.
func (p *panel) each() *panel {
	p.Options["reduceOptions"] = object{"calcs": []string{"lastNotNull"}, "fields": "", "values": true}
	return p
}

// upright makes bars stand.
func (p *panel) upright() *panel {
	p.Options["orientation"] = "vertical"
	return p
}

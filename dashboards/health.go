package main

// postgresHealth shows whether reports arrive in Postgres, and how much disk they use
// there.
func postgresHealth(b postgres) *dashboard {
	d := newDashboard(b, "health", "Health", "Whether reports arrive, and how much disk they use.",
		append(b.variables("host"), b.gatewayVariables()...)...)
	const hosts = `(ARRAY[${host:sqlstring}] = ARRAY[NULL]::text[] OR host = ANY (ARRAY[${host:sqlstring}]))`
	d.add(b, 5,
		stat("Age of the last report", "s", sqlTable(`SELECT host AS gateway, extract(epoch FROM now() - max(time)) AS age FROM vpn_traffic_reports WHERE time > now() - interval '1 day' AND %s GROUP BY host ORDER BY host`, hosts)).
			describe("Each gateway that has reported within the last day.").each().
			set(object{"color": object{"mode": "thresholds"}, "thresholds": thresholds(120, 600)}),
		stat("Reports in this range", "short", sqlTable(`SELECT count(*) AS reports FROM vpn_traffic_reports WHERE $__timeFilter(time) AND %s`, hosts)),
		stat("Late or repeated reports", "short", sqlTable(`SELECT count(*) AS reports FROM vpn_traffic_reports WHERE $__timeFilter(time) AND deliveries > 1 AND %s`, hosts)).
			describe("Reports that arrived in more than one delivery: in parts, or again. No row is stored twice."),
	)
	d.add(b, 8,
		chart("Reports", "short", sqlSeries(`SELECT date_bin('$__interval', time, 'epoch') AS time, host AS metric, count(*) AS reports FROM vpn_traffic_reports WHERE $__timeFilter(time) AND %s GROUP BY 1, 2 ORDER BY 1`, hosts)).
			describe("A gap means that no reports arrived: the gateway, Telegraf or the sink was down."),
		tableUsePanel(b),
	)
	d.add(b, 7, sinks())
	const sizes = `SELECT parent AS table, count(*) AS partitions, min(first) AS since, sum(pg_total_relation_size(to_regclass(quote_ident(name)))) AS size FROM vpn_traffic_partitions GROUP BY parent ORDER BY size DESC`
	d.add(b, 9,
		table("Disk use", sqlTable(sizes)).gauge("size", "bytes").override("since", "unit", "dateTimeAsIso").
			describe("Tables with their indexes, and how far back they go."),
		bars("Disk use of raw rows per day", "bytes", sqlTable(`SELECT to_char(first, 'YYYY-MM-DD') AS day, sum(pg_total_relation_size(to_regclass(quote_ident(name)))) AS size FROM vpn_traffic_partitions WHERE parent = 'vpn_traffic' AND first BETWEEN $__timeFrom()::timestamptz::date - 30 AND $__timeTo()::timestamptz::date GROUP BY first ORDER BY first`)).upright(),
	)
	return d
}

// sinks is a row for each sink that ever wrote.
func sinks() *panel {
	return table("Sinks", sqlTable(`SELECT sink, extract(epoch FROM now() - updated) AS heard, extract(epoch FROM now() - last_commit) AS committed, spool_files AS waiting, spool_bytes AS size, extract(epoch FROM now() - spool_oldest) AS oldest, seconds_per_report AS import, rows, duplicates, rejected, started FROM sink_status ORDER BY sink`)).
		describe("The status that each psql-sink reports. Counters are totals since its start.").
		override("heard", "displayName", "last update, ago", "unit", "s", "color", object{"mode": "thresholds"}, "thresholds", thresholds(60, 600),
			"custom.cellOptions", object{"type": "color-text"}).
		override("committed", "displayName", "last import, ago", "unit", "s").
		override("waiting", "displayName", "reports waiting", "unit", "short").
		override("size", "displayName", "spool size", "unit", "bytes").
		override("oldest", "displayName", "age of the oldest", "unit", "s").
		override("import", "displayName", "time per report", "unit", "s").
		override("rejected", "color", object{"mode": "thresholds"}, "thresholds", thresholds(1, 1000), "custom.cellOptions", object{"type": "color-text"}).
		override("started", "unit", "dateTimeFromNow")
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

package main

import "slices"

// now is the first look. The numbers are what a database can tell besides.
func now(b backend, numbers ...*panel) *dashboard {
	d := newDashboard(b, "now", "Now", "Who uses the link, how much, and what is unusual.",
		slices.Concat(b.variables("host"), b.tops(everything, "src"), b.comparisons("capacity"))...)
	d.add(b, 4, append(numbers,
		stat("Throughput", "bps", b.over(everything, line{"throughput", bits})).describe("Both ways, in the last step."),
		stat("Closed connections", perSecond, b.over(everything, line{"connections", connectionRate})).describe("In the last step."),
	)...)
	d.add(b, 11, greatest(b, "Bandwidth per source", "bps", everything, "src", bits).
		beside("^link capacity$", "red", b.capacity()...).describe("The ten sources with the most traffic, both ways."))
	return d
}

func influxNow(b influxdb) *dashboard {
	_, activeSources := b.from(everything, "src", b.sums.wholeSteps)
	d := now(b, stat("Active sources", "sishort", influxSeries("sources", `SELECT count("traffic") AS "sources" FROM (SELECT sum("src_bytes") AS "traffic" `+activeSources+` GROUP BY "src")`)).
		describe("Sources with traffic in the range."))
	d.add(b, 13, ranking(b, everything, "Top sources", "src"), ranking(b, everything, "Top destinations", "dst"))
	d.add(b, 10, greatest(b, "Traffic per port", "bps", everything, "service", bits).describe("Both ways."))
	d.add(b, 8,
		ping("Latency", "ms", "average_response_ms").describe("Of each address that Telegraf's ping input asks, which sample.conf has a block for."),
		ping("Packet loss", "percent", "percent_packet_loss").describe("The same for what does not come back."),
	)
	return d
}

// ping is a line for each address that Telegraf pings.
func ping(title, unit, field string) *panel {
	return chart(title, unit, influxSeries("$tag_url", `SELECT mean("`+field+`") FROM "ping" WHERE $timeFilter AND "host" =~ /^${host:regex}$/ GROUP BY time($__interval), "url" fill(null)`))
}

func postgresNow(b postgres) *dashboard {
	d := now(b, nowNumbers()...)
	const columns = `name, 8 * rate AS rate, times, share`
	sources := func(title, more string) *panel {
		return table(title, rates(columns+`, key`, "src", more)).rates().ends(b, "src")
	}
	d.add(b, 13,
		sources("Last five minutes", "top => 10").describe("The sources with the most traffic, both ways, and how many times as much as in the hour before it is."),
		sources("Risen most", "top => 10, rising => true").describe("The sources whose traffic of the last five minutes is furthest above their own of the hour before."),
		table("Ports of the last five minutes", rates(columns, "service", "top => 10")).rates().service(b).describe("Both ways, and how many times as much as in the hour before it is."),
	)
	d.add(b, 13,
		peers(b, "Most destinations", "src", "Sources that opened connections to the most destinations: who scans."),
		peers(b, "Most sources", "dst", "Destinations that the most sources opened connections to: who is flooded."),
		table("First seen today", sqlTable(`SELECT name, src_bytes + dst_bytes AS traffic, key FROM vpn_traffic_totals($__timeFrom(), $__timeTo(), 'src', ARRAY(SELECT value %s) || ARRAY['no source'], %s, top => 10, measure => 'bytes') WHERE key <> '%s'`, newToday, everything.arguments(), others)).
			gauge("traffic", "decbytes").ends(b, "src").describe("Sources of which there was no traffic before the day, in UTC, on which the range ends; with their traffic of the range."),
	)
	return d
}

// rates asks what the last five minutes were beside the last hour.
func rates(columns, by, more string) object { return ratesBeside("1 hour", columns, by, more) }

// ratesBeside asks what the last five minutes were beside a time that ends now: beside
// themselves, there is nothing before, nor any time spent on it.
func ratesBeside(span, columns, by, more string) object {
	return sqlTable(`SELECT %s FROM vpn_traffic_rates($__timeTo()::timestamptz - interval '%s', $__timeTo(), '5 minutes', '%s', %s, %s)`,
		columns, span, by, everything.arguments(), more)
}

// newToday are the sources of which the first row is of the day on which the range ends.
const newToday = `FROM vpn_traffic_values WHERE kind = 'src' AND first_day = ($__timeTo()::timestamptz AT TIME ZONE 'UTC')::date`

func nowNumbers() []*panel {
	busiest := ratesBeside("5 minutes", `$__timeTo()::timestamptz AS time, name AS metric, share AS value`, "src", "top => 1")
	busiest["format"] = "time_series"
	return []*panel{
		stat("Greatest source", "percentunit", busiest).describe("Its share of the traffic of the last five minutes.").nameAndValue(),
		stat("Active sources", "sishort", sqlTable(`SELECT count(*) AS sources FROM vpn_traffic_totals($__timeTo()::timestamptz - interval '5 minutes', $__timeTo(), 'src', %s, measure => 'bytes')`, everything.arguments())).
			describe("Sources with traffic in the last five minutes."),
		stat("New sources", "sishort", sqlTable(`SELECT count(*) AS sources `+newToday)).
			describe("Sources of which there was no traffic before the day, in UTC, on which the range ends."),
	}
}

// nameAndValue shows what a number is of.
func (p *panel) nameAndValue() *panel {
	p.Options["textMode"], p.Options["wideLayout"] = "value_and_name", false
	return p
}

// peers ranks sources or destinations by how many others they have to do with.
func peers(b postgres, title, by, description string) *panel {
	return table(title, sqlTable(`SELECT name, peers, bytes AS traffic, key FROM vpn_traffic_peers($__timeTo()::timestamptz - interval '1 hour', $__timeTo(), '%s', %s, top => 10)`, by, everything.arguments())).
		override("peers", "displayName", "others", "unit", "sishort", "custom.width", 80).override("traffic", "unit", "decbytes", "custom.width", 90).
		ends(b, by).describe(description + " In the whole hours that the last hour touches.")
}

// rates shows rates and what they were before.
func (p *panel) rates() *panel {
	return p.gauge("rate", "bps").share().
		override("times", "displayName", "× before", "decimals", 1, "custom.width", 95, "color", object{"mode": "thresholds"},
			"thresholds", thresholds(3, 10), "custom.cellOptions", object{"type": "color-text"}, "mappings", []object{noData("new", "orange")})
}

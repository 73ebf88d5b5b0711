package main

// influxHealth shows the input's own metrics.
func influxHealth(b influxdb) *dashboard {
	d := newDashboard(b, "health", "Health", "The input's own metrics, and how full the gateways' tables are.", b.variables("host")...)
	d.add(b, 5,
		stat("Flows", "sishort", ofInput("$tag_host", `max("flows")`)).describe("Entries of the connection tracking table."),
		stat("Series of a report", "sishort", ofInput("$tag_host", `max("series")`)).describe("Rows that a report has: pairs of groups, protocol and port."),
		stat("Time to read the table", "ns", ofInput("$tag_host", `max("dump_time_ns")`)).describe("It should stay well below the interval."),
		lossStat("Flows that vanished", "swept_flows", "What they sent after their last gather is lost."),
		lossStat("Undecodable messages", "decode_errors", "Messages of the kernel that the input could not read."),
		lossStat("Gathers that failed", "gather_errors", "Their traffic comes with the next one that succeeds."),
	)
	d.add(b, 8, tableUse(), chart("Flows", "sishort", ofInput("$tag_host", `max("flows")`)).describe("Entries of the connection tracking table, by the input's dumps."))
	d.add(b, 8,
		chart("Events", perSecond, rateOf("$tag_host DESTROY", "destroy_events"), rateOf("$tag_host close", "close_events")).
			describe("Flows that ended, and TCP connections that closed."),
		chart("Time to read the table", "ns", ofInput("$tag_host", `max("dump_time_ns")`)).describe("For each gather."),
	)
	d.heading(b, "Losses and lost detail")
	d.add(b, 8,
		losses("In the kernel", "New connections that the kernel dropped or could not add to its table.",
			"table_drop", "table_early_drop", "table_insert_failed", "table_invalid"),
		losses("Not counted", "Flows without counters, flows that ended while the plugin was down, and flows that vanished without a DESTROY event.",
			"uncounted_readings", "died_unseen_flows", "swept_flows"),
		losses("Folded series and repeated reads", "Readings beyond max_series, which lost their port, or their source too; repeated dumps; and full receive buffers, which lose nothing.",
			"folded_readings", "folded_sources", "dump_restarts", "destroy_overruns", "close_overruns"),
	)
	return d
}

// tableUse shows how full the gateways' tables are.
func tableUse() *panel {
	of := func(alias, value string) object {
		return influxSeries(alias, `SELECT `+value+` FROM "conntrack" WHERE $timeFilter AND "host" =~ /^${host:regex}$/ GROUP BY time($__interval), "host" fill(null)`)
	}
	return chart("Use of the connection tracking table", "percentunit", of("$tag_host", `max("ip_conntrack_count") / min("ip_conntrack_max")`)).
		set(object{"max": 1, "thresholds": thresholds(0.8, 0.9)}).thresholdLines().
		describe("When the table is full, the kernel drops new connections. Telegraf's conntrack input reports this.")
}

// thresholdLines draws thresholds into a chart.
func (p *panel) thresholdLines() *panel {
	p.Fields.Defaults["custom"].(object)["thresholdsStyle"] = object{"mode": "dashed"}
	return p
}

// rateOf is by how much a counter grows per second. A derivative skips the times without
// values, so that an outage would be drawn over: the outer query has rows for them, too.
func rateOf(alias, counter string) object {
	return influxSeries(alias, `SELECT mean("rate") FROM (SELECT non_negative_derivative(max("`+counter+`"), 1s) AS "rate" `+ofHosts+` fill(none)) WHERE $timeFilter GROUP BY time($__interval), "host" fill(null)`)
}

func ofInput(alias, expression string) object {
	return influxSeries(alias, `SELECT `+expression+` `+ofHosts+` fill(null)`)
}

const ofHosts = `FROM "conntrack_accounting_internal" WHERE $timeFilter AND "host" =~ /^${host:regex}$/ GROUP BY time($__interval), "host"`

// lossStat is a counter that should stand still: by how much it grew.
func lossStat(title, counter, description string) *panel {
	target := influxSeries("$tag_host", `SELECT spread("`+counter+`") FROM "conntrack_accounting_internal" WHERE $timeFilter AND "host" =~ /^${host:regex}$/ GROUP BY "host"`)
	return stat(title, "sishort", target).describe(description).warn(1, 1000)
}

// losses are counters by how fast they grow.
func losses(title, description string, counters ...string) *panel {
	var targets []object
	for _, counter := range counters {
		targets = append(targets, rateOf("$tag_host "+counter, counter))
	}
	return chart(title, perSecond, targets...).describe(description)
}

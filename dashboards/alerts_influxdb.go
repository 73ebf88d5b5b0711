package main

import (
	"fmt"
	"time"
)

// What the alerts for InfluxDB compare with, to begin with. The times go by an interval
// of 15 s.
const (
	tableUseLimit   = 0.9  // of table_max
	dyingLimit      = 0.1  // of table_max
	unansweredLimit = 0.5  // of flows
	unansweredLeast = 1000 // flows; of fewer nothing is said
	uncountedLimit  = 0.01 // of the packets counted
	slowGather      = 12   // seconds
	manyOverruns    = 100  // in ten minutes
	manyRaces       = 1000 // packets in ten minutes
	manyRestarts    = 3    // in an hour
	settling        = 900  // seconds after a start
)

// influxAlerts ask what only InfluxDB has: the input's metric about itself. docs/operations.md
// lists its fields, and has a row for each rule.
func influxAlerts() []alertGroup {
	from := &source{Type: influxdb{}.source().Type, UID: "conntrack-influxdb"}
	return []alertGroup{
		{"Conntrack accounting: input", "1m", from, []alert{
			silentInput(),
			grows("gather-errors", "Gathers fail", "gather_errors").
				as("warning", "gathers failed", "The next one makes up for it. The log has the reason: capability lost, module unloaded.", "troubleshooting.md#gathering-"),
			slow("dump-time", "Reading the table takes nearly the interval", "dump_time_ns", "Set a longer interval, or mark: the kernel then sends less."),
			slow("delivery-time", "Telegraf is slow to take metrics", "delivery_time_ns", "See Telegraf's log, its metric_buffer_limit and outputs, and the disk of report_directory."),
			restarts(),
			grows("state-errors", "The state is not written", "state_errors").
				as("warning", "states could not be written", "A restart would lose an interval. See room and rights of the folder of state_file.", "troubleshooting.md#state_file-writing-it-failed"),
		}},
		{"Conntrack accounting: kernel", "1m", from, []alert{
			tableUseAlert(),
			grows("table-drop", "The full table drops packets", "table_drop").
				as("critical", "packets of new connections were dropped", "Raise net.netfilter.nf_conntrack_max, or shorten timeouts, now.", nearlyFull),
			grows("table-early-drop", "The full table evicts connections", "table_early_drop").
				as("warning", "live entries were evicted; they are accounted, but count as ended", "Raise net.netfilter.nf_conntrack_max, or shorten timeouts.", nearlyFull),
			grows("table-insert-failed", "New connections lose races", "table_insert_failed").over(manyRaces, "packets in ten minutes").
				as("info", "packets of new connections were lost to a race", "Often DNS; harmless in small numbers.", watch),
			dying(),
			uncounted(),
			unanswered(),
		}},
		{"Conntrack accounting: losses", "1m", from, lossAlerts()},
		{"Conntrack accounting: detail", "1m", from, detailAlerts()},
	}
}

const (
	watch      = "operations.md#what-to-watch"
	nearlyFull = "troubleshooting.md#the-connection-tracking-table-is-nearly-full"
)

// lossAlerts are about bytes that are not accounted.
func lossAlerts() []alert {
	return []alert{
		grows("swept-flows", "Flows vanish without an event", "swept_flows").
			as("warning", "flows vanished without an event: bytes after their last gather are lost", "Set nf_conntrack_events=1 at boot.", "troubleshooting.md#-flows-vanished-without-a-destroy-event"),
		afterStart("died-unseen-flows", "Flows ended while the plugin was down", "died_unseen_flows", "flows").
			as("info", "flows ended while the plugin was down: bytes after their last reading are lost", "Keep restarts short.", "troubleshooting.md#-flows-ended-while-the-plugin-was-down"),
		afterStart("unknown-bytes", "Flows that ended during the start are not accounted", "unknown_bytes", "bytes").
			as("info", "bytes, at most, of flows that ended during the start are not accounted", "state_file avoids it.", watch),
		grows("uncounted-readings", "Flows have no counters", "uncounted_readings").lasting("1d").
			as("warning", "readings of flows without counters in ten minutes", "Set nf_conntrack_acct=1 at boot.", "troubleshooting.md#flows-without-counters-are-in-the-table"),
		level("zeroed-flows", "Another program resets the kernel's counters", `"zeroed_flows"`, 0, "flows").
			as("warning", "flows whose counters were reset since the start: bytes are lost", "Find and stop it: nlbwmon, an exporter, a cron job with conntrack -L -z.", "troubleshooting.md#another-program-resets-the-kernels-counters"),
		level("uncounted-flowtables", "Flowtables do not count", `"uncounted_flowtables"`, 0, "flowtables").
			as("warning", "flowtables without counter: packets of offloaded flows are not counted", "Add counter to each.", "troubleshooting.md#flowtables-without-the-counter-flag"),
		grows("decode-errors", "Messages of the kernel are not understood", "decode_errors").
			as("warning", "messages of the kernel could not be decoded: flows are missing", "Report it, with the kernel's version.", "troubleshooting.md#-kernel-messages-could-not-be-decoded"),
		grows("ignored-bytes", "Unanswered flows are left out", "ignored_bytes").
			as("info", "bytes were left out by unanswered = \"ignore\"", "Nothing, if that is intended.", "floods.md#what-to-set"),
	}
}

// detailAlerts are about what is counted less exactly, or under another name.
func detailAlerts() []alert {
	return []alert{
		level("picked-up-flows", "Connections may count the wrong way round", `"picked_up_flows" + "picked_up_refused"`, 0, "flows").lasting("6h").
			as("info", "flows were picked up midway", "Set picked_up_flows = \"by_port\". Who runs conntrack -F?", "troubleshooting.md#conntrack-picked-up--connections-midway"),
		grows("folded-readings", "Series lose their port", "folded_readings").
			as("info", "readings beyond max_series lost their port; no byte is lost", "A port scan? Otherwise raise max_series.", maxSeries),
		grows("folded-sources", "Series lose their source", "folded_sources").
			as("warning", "readings beyond max_series lost their source; no byte is lost", "A flood? Otherwise raise max_series.", maxSeries),
		grows("close-overruns", "Lifetimes are less exact", "close_overruns").
			as("info", "times events of closed connections found the receive buffer full", "Raise receive_buffer.", watch),
		grows("destroy-overruns", "The plugin is short of CPU: events", "destroy_overruns").over(manyOverruns, "times in ten minutes").
			as("info", "times the receive buffer was full; nothing is lost", "Raise receive_buffer.", watch),
		grows("dump-restarts", "The plugin is short of CPU: dumps", "dump_restarts").over(manyOverruns, "times in ten minutes").
			as("info", "dumps were repeated; nothing is lost", "Raise receive_buffer.", watch),
	}
}

const maxSeries = "troubleshooting.md#max_series--series-are-too-few-for-this-interval"

// silentInput counts metrics by minute, over five of them, since the last minute is not
// over. A gateway is asked after for six hours; where none is left, there is no data.
func silentInput() alert {
	a := lineAlert("silent-gateway", "A gateway sends no metrics", 6*time.Hour,
		`SELECT moving_average(count("flows"), 5) FROM `+internal+` WHERE $timeFilter GROUP BY time(1m), * fill(0)`, "last").
		over(0.1, "metrics a minute, over five minutes").insistent().
		says("critical", `{{ $labels.host }}: no metrics for five minutes, so nothing is accounted`,
			"See Telegraf's log. Is telegraf-conntrack-accounting running? Run its check. A gateway that is gone for good is forgotten after six hours.", "operations.md#checking-a-set-up")
	a.evaluator = "lt"
	return a
}

func tableUseAlert() alert {
	return level("table-use", "The connection tracking table is nearly full", `"table_entries" / "table_max"`, tableUseLimit, "of table_max").
		says("critical", `{{ $labels.host }}: {{ humanizePercentage $values.B.Value }} of the table is used; a full one drops new connections`,
			"Raise net.netfilter.nf_conntrack_max, or shorten timeouts.", nearlyFull)
}

func dying() alert {
	return level("dying-flows", "Ended flows fill the table", `"dying_flows" / "table_max"`, dyingLimit, "of table_max").
		says("warning", `{{ $labels.host }}: {{ humanizePercentage $values.B.Value }} of the table are flows that ended and whose events wait`,
			"Is the plugin stopped, or short of CPU? Raise receive_buffer.", watch)
}

func unanswered() alert {
	a := level("unanswered-flows", "A flood or a scan: nobody answers", `"unanswered_flows" / "flows"`, unansweredLimit, "of flows").
		says("warning", `{{ $labels.host }}: nobody answers {{ humanizePercentage $values.B.Value }} of the flows`,
			"Find its target.", "floods.md#how-to-see-it")
	a.query = influxSeries("", fmt.Sprintf(`SELECT "unanswered_flows" / "flows" FROM %s WHERE $timeFilter AND "flows" > %d GROUP BY *`, internal, unansweredLeast))
	return a
}

// uncounted compares packets that conntrack did not count with those of the accounting,
// as dashboards/influxdb/downsample sums them up.
func uncounted() alert {
	a := lineAlert("uncounted-packets", "Packets pass that are not counted", 15*time.Minute,
		`SELECT non_negative_difference("n") FROM (SELECT "table_invalid" + "table_error" AS "n" FROM `+internal+` WHERE $timeFilter GROUP BY *) GROUP BY "host"`, "sum").
		over(uncountedLimit, "of the packets counted").lasting("5m").
		says("warning", `{{ $labels.host }}: {{ humanizePercentage $values.D.Value }} as many packets as are counted pass without being accounted`,
			"An attack, or asymmetric routing.", "operations.md#traffic-that-conntrack-does-not-count")
	a.per = influxSeries("", `SELECT "src_packets" + "dst_packets" FROM "conntrack_report"."conntrack_by_port" WHERE $timeFilter GROUP BY "host"`)
	return a
}

func restarts() alert {
	return lineAlert("restarts", "The plugin ends and is started again", time.Hour,
		`SELECT count("d") FROM (SELECT difference("uptime_s") AS "d" FROM `+internal+` WHERE $timeFilter GROUP BY *) WHERE "d" < 0 GROUP BY *`, "last").
		over(manyRestarts-1, "starts in an hour").
		as("warning", "starts in an hour", "See its last lines in Telegraf's log.", "operations.md#what-the-log-says")
}

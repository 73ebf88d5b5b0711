package main

import (
	"fmt"
	"strings"
)

// influxSums are where sums are, and in which steps a range is shown. KIND in a text stands
// for the kind of a measurement: rollup or full.
type influxSums struct {
	suffix     string // of the backend's name
	lookups    bool   // hidden variables look up what the texts below refer to
	rollup     string // the measurement of the sums, but for its end: src, dst or port
	full       string // the measurement with all tags
	wholeSteps string // the times of a range
	inVariable string // the same in a variable
	seconds    string // of a step
	points     string // reports of a step
	step       string // as InfluxQL groups by it
}

// downsampled are the retention policies that influxdb/downsample sets up. Its whole steps
// end where not all sums are there yet.
func downsampled() influxSums {
	wholeSteps := stepsBetween("(${__to}000000 - ${KIND_late}000000000)", "${KIND_seconds}000000000")
	return influxSums{
		lookups: true,
		rollup:  `"$rollup_policy"."conntrack_by_`, full: `"$full_policy"."conntrack_accounting"`,
		wholeSteps: wholeSteps, inVariable: wholeSteps,
		seconds: "$KIND_seconds", points: "$KIND_points", step: "$KIND_step",
	}
}

// inputSums are the input's own sums: points as they were written, in Grafana's steps, without
// policies, for any InfluxDB that knows InfluxQL. There is nothing to wait for, and nothing
// to look up.
func inputSums() influxSums {
	return influxSums{
		suffix: "-sums",
		rollup: `"conntrack_accounting_by_`, full: `"conntrack_accounting"`,
		wholeSteps: stepsBetween("${__to}000000", "${__interval_ms}000000"),
		inVariable: "$timeFilter", // Grafana has no steps there
		seconds:    "($__interval_ms / 1000)", points: "($__interval_ms / 1000 / $report)", step: "$__interval",
	}
}

// ranges are hidden variables that look up, in downsample's table of ranges, which policy
// holds the range, and in which steps to show it.
func (i influxdb) ranges() (list []*variable) {
	for _, kind := range []string{"rollup", "full"} {
		ofRange := fmt.Sprintf(`FROM "conntrack_ranges"."ranges" WHERE "kind" = '%s' AND "above" < $__to - $__from AND "upto" >= $__to - $__from`, kind)
		for _, field := range []string{"policy", "step", "seconds", "points"} {
			list = append(list, i.hidden(kind+"_"+field, fmt.Sprintf(`SELECT "%s" %s`, field, ofRange)))
		}
		// The time of the point is as long after 1970 as it says: it is chosen only if the
		// range ended no longer ago. For others there is one of 2100 that says 0.
		list = append(list, i.hidden(kind+"_late", fmt.Sprintf(`SELECT max("late") %s AND time > now() - ${__to}ms`, ofRange)))
	}
	return list
}

// ofKind puts a kind in the place of KIND.
func ofKind(text, kind string) string { return strings.ReplaceAll(text, "KIND", kind) }

// stepsBetween are the whole steps of a range up to a time, in ns.
func stepsBetween(until, width string) string {
	return fmt.Sprintf("time >= ${__from}000000 - ${__from}000000 %% %[1]s AND time < %[2]s - %[2]s %% %[1]s", width, until)
}

// shortestStep is a multiple of the usual intervals of reports, and so are the longer
// steps that Grafana takes: each holds as many reports. It never takes 20 seconds then.
const shortestStep = "30s"

// inSteps gives a dashboard of the input's sums its steps, and the variable that says how
// many reports are in one.
func inSteps(d *dashboard) *dashboard {
	d.Templating.List = append(d.Templating.List, reportInterval())
	for _, p := range d.Panels {
		if len(p.Targets) > 0 {
			p.Interval = shortestStep
		}
	}
	return d
}

// reportInterval is what open connections are averaged by.
func reportInterval() *variable {
	return &variable{
		Name: "report", Label: "Interval of reports, s", Type: "textbox", Query: "15", Current: object{"text": "15", "value": "15"},
		Description: "Telegraf's interval: what open connections are averaged by",
	}
}

package main

import "fmt"

// influxSums are where sums are, and in which steps a range is shown. A kind is that of a
// measurement: rollup or full.
type influxSums interface {
	suffix() string                 // of the backend's name
	lookups(i influxdb) []*variable // hidden variables that the others need
	rollup(by string) string        // the measurement of the sums by source, destination or port
	full() string                   // the measurement with all tags
	wholeSteps(kind string) string  // the times of a range
	inVariable(kind string) string  // the same in a variable
	seconds(kind string) string     // of a step
	points(kind string) string      // reports of a step
	step(kind string) string        // as InfluxQL groups by it
}

// downsampled are the retention policies that influxdb/downsample sets up. Which of them
// holds a range, and in which steps to show it, hidden variables look up in its table of
// ranges.
type downsampled struct{}

func (downsampled) suffix() string { return "" }

func (downsampled) lookups(i influxdb) (list []*variable) {
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

func (downsampled) rollup(by string) string { return `"$rollup_policy"."conntrack_by_` + by + `"` }

func (downsampled) full() string { return `"$full_policy"."conntrack_accounting"` }

// wholeSteps end where not all sums are there yet.
func (downsampled) wholeSteps(kind string) string {
	return stepsBetween("(${__to}000000 - ${"+kind+"_late}000000000)", "${"+kind+"_seconds}000000000")
}

func (d downsampled) inVariable(kind string) string { return d.wholeSteps(kind) }

func (downsampled) seconds(kind string) string { return "$" + kind + "_seconds" }

func (downsampled) points(kind string) string { return "$" + kind + "_points" }

func (downsampled) step(kind string) string { return "$" + kind + "_step" }

// inputSums are the input's own sums: points as they were written, in Grafana's steps, without
// policies, for any InfluxDB that knows InfluxQL. There is nothing to wait for, and nothing
// to look up.
type inputSums struct{}

func (inputSums) suffix() string { return "-sums" }

func (inputSums) lookups(influxdb) []*variable { return nil }

func (inputSums) rollup(by string) string { return `"conntrack_accounting_by_` + by + `"` }

func (inputSums) full() string { return `"conntrack_accounting"` }

func (inputSums) wholeSteps(string) string {
	return stepsBetween("${__to}000000", "${__interval_ms}000000")
}

func (inputSums) inVariable(string) string { return "$timeFilter" } // Grafana has no steps there

func (inputSums) seconds(string) string { return "($__interval_ms / 1000)" }

func (inputSums) points(string) string { return "($__interval_ms / 1000 / $report)" }

func (inputSums) step(string) string { return "$__interval" }

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

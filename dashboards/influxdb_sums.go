package main

import "strings"

// shortestStep is a multiple of the usual intervals of reports, and so are the longer
// steps that Grafana takes: each holds as many reports. It never takes 20 seconds then.
const shortestStep = "30s"

// ofSums makes the dashboards of downsample into those of the input's own sums. They read
// points as they were written, in Grafana's steps, without policies: for any InfluxDB that
// knows InfluxQL. There is nothing to wait for, and nothing to look up in hidden variables.
func ofSums(d *dashboard) *dashboard {
	kept := []*variable{reportInterval()}
	for _, v := range d.Templating.List {
		if query, ok := v.Query.(string); ok {
			v.Query = inVariable.Replace(query)
		}
		if !strings.HasPrefix(v.Name, "rollup_") && !strings.HasPrefix(v.Name, "full_") {
			kept = append(kept, v)
		}
	}
	d.Templating.List = append(kept[1:], kept[0])
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			target["query"] = inPanel.Replace(target["query"].(string))
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

// measurements are those of the input in place of those of downsample.
var measurements = []string{
	`"$rollup_policy"."conntrack_by_`, `"conntrack_accounting_by_`,
	`"$full_policy".`, ``,
}

// inPanel and inVariable have Grafana's steps in place of those of downsample. Grafana has
// none for variables.
var (
	inPanel = strings.NewReplacer(append([]string{
		`(${__to}000000 - ${rollup_late}000000000)`, `${__to}000000`, `(${__to}000000 - ${full_late}000000000)`, `${__to}000000`,
		`${rollup_seconds}000000000`, `${__interval_ms}000000`, `${full_seconds}000000000`, `${__interval_ms}000000`,
		`$rollup_seconds`, `($__interval_ms / 1000)`, `$full_seconds`, `($__interval_ms / 1000)`,
		`$rollup_points`, `($__interval_ms / 1000 / $report)`, `$full_points`, `($__interval_ms / 1000 / $report)`,
		`$rollup_step`, `$__interval`, `$full_step`, `$__interval`,
	}, measurements...)...)
	inVariable = strings.NewReplacer(append([]string{
		wholeSteps("rollup"), `$timeFilter`, wholeSteps("full"), `$timeFilter`,
	}, measurements...)...)
)

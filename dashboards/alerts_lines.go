package main

import (
	"fmt"
	"time"
)

// internal is the input's metric about itself. Its points are grouped by all tags, so
// that two inputs of one gateway stay apart.
const internal = `"conntrack_accounting_internal"`

// lineAlert makes a number of each line of a query to InfluxDB.
func lineAlert(id, title string, window time.Duration, query, reduce string) alert {
	a := newAlert("influxdb-"+id, title, window, influxSeries("", query))
	a.reduce = reduce
	return a
}

// grows is by how much a counter grew in ten minutes; it begins again at a restart.
func grows(id, title, counter string) alert {
	a := lineAlert(id, title, 10*time.Minute, fmt.Sprintf(`SELECT non_negative_difference("%s") FROM %s WHERE $timeFilter GROUP BY *`, counter, internal), "sum")
	return a.over(0, "in ten minutes")
}

// afterStart is a counter of what was before the start, a while after it.
func afterStart(id, title, counter, unit string) alert {
	a := lineAlert(id, title, 10*time.Minute, fmt.Sprintf(`SELECT "%s" FROM %s WHERE $timeFilter AND "uptime_s" < %d GROUP BY *`, counter, internal, settling), "last")
	return a.over(0, unit)
}

// level is a number as it is now.
func level(id, title, value string, limit float64, unit string) alert {
	a := lineAlert(id, title, 5*time.Minute, fmt.Sprintf(`SELECT %s FROM %s WHERE $timeFilter GROUP BY *`, value, internal), "last")
	return a.over(limit, unit).lasting("2m")
}

// slow is a time that each gather takes, on average over some of them.
func slow(id, title, field, remedy string) alert {
	return lineAlert(id, title, 5*time.Minute, fmt.Sprintf(`SELECT "%s" / 1000000000 FROM %s WHERE $timeFilter GROUP BY *`, field, internal), "mean").
		over(slowGather, "seconds; the interval is 15").lasting("5m").
		says("warning", fmt.Sprintf(`{{ $labels.host }}: %s is {{ humanizeDuration $values.B.Value }}`, field), remedy, watch)
}

// as says what a number of a gateway means, and what to do.
func (a alert) as(severity, what, remedy, runbook string) alert {
	return a.says(severity, `{{ $labels.host }}: {{ humanize $values.B.Value }} `+what, remedy, runbook)
}

package main

import (
	"fmt"
	"time"
)

// What the alerts for Postgres compare with. Those who use the files change the numbers
// there; these are what they begin with.
const (
	silence      = 300  // seconds without a report, or a word of a sink
	waiting      = 600  // seconds that a report waits in a spool
	missing      = 120  // seconds of an hour without reports
	surgeSource  = 5    // times as much as in the same hour of the day before
	surgeGateway = 3    // likewise
	surgeLeast   = 1e6  // bits per second; what was less the day before counts as that
	shareOfAll   = 0.5  // of all traffic, of one source
	shareLeast   = 1e7  // bits per second; a share of less is none
	volume       = 1e12 // bytes in 24 hours, of one source
	manyPeers    = 1000 // destinations in five minutes, of one source
)

// postgresAlerts ask the functions and tables of the sink. Who gives no answer at all
// is in trouble: a database that is away is an error of each rule, of which Grafana
// makes one notification, but of those about silence an alert.
func postgresAlerts() []alertGroup {
	from := &source{Type: postgres{}.source().Type, UID: "conntrack-postgres"}
	return []alertGroup{
		{"Conntrack accounting: reports", "1m", from, []alert{silentGateway(), silentSink(), waitingReports(), rejectedRows(), missingReports()}},
		{"Conntrack accounting: traffic", "1m", from, []alert{
			surge("src", "source", surgeSource), surge("host", "gateway", surgeGateway), greatShare(), scan(),
		}},
		{"Conntrack accounting: volume", "10m", from, []alert{greatVolume()}},
	}
}

// tableAlert compares the numbers of a table with a threshold.
func tableAlert(id, title string, window time.Duration, format string, args ...any) alert {
	return newAlert("postgres-"+id, title, window, sqlTable(format, args...))
}

// silentGateway asks as the dashboard Health does. Where nobody ever reported, there is
// no gateway, and its silence is endless.
func silentGateway() alert {
	return tableAlert("silent-gateway", "A gateway sends no reports", time.Hour,
		`SELECT gateway, coalesce(age, 1e9) AS seconds
FROM (SELECT coalesce(gateway, 'no gateway') AS gateway, extract(epoch FROM now() - last) AS age
  FROM (VALUES (1)) AS one LEFT JOIN vpn_traffic_heard() ON true) AS gateways`).
		over(silence, "seconds without a report").lasting("1m").insistent().
		says("critical", `{{ $labels.gateway }}: the last report in Postgres is {{ humanizeDuration $values.A.Value }} old`,
			"Are Telegraf and both programs running there? Run both checks. Forget a gateway that is gone for good: psql-sink forget -host", "operations.md#checking-a-set-up")
}

func silentSink() alert {
	return tableAlert("silent-sink", "A sink writes no status", time.Hour, `SELECT sink, extract(epoch FROM now() - updated) AS seconds FROM sink_status`).
		over(silence, "seconds without a status").lasting("1m").insistent().
		says("warning", `{{ $labels.sink }}: the sink wrote its last status {{ humanizeDuration $values.A.Value }} ago`,
			"It has ended, or cannot reach Postgres: see Telegraf's log, or that of psql-sink. Of a sink that is gone for good, delete the row in sink_status.", "operations.md#postgres-is-away")
}

func waitingReports() alert {
	return tableAlert("waiting-reports", "Reports wait in a spool", time.Hour,
		`SELECT sink, coalesce(extract(epoch FROM now() - spool_oldest), 0) AS seconds FROM sink_status`).
		over(waiting, "seconds that the oldest report has waited").lasting("1m").
		says("warning", `{{ $labels.sink }}: a report has waited in the spool for {{ humanizeDuration $values.A.Value }}`,
			"Nothing is lost while the spool has room. The log says why; psql-sink check shows how much waits.", "operations.md#postgres-is-away")
}

func rejectedRows() alert {
	return tableAlert("rejected", "A sink has rejected metrics or lines", time.Hour, `SELECT sink, rejected FROM sink_status`).
		over(0, "rejected since the sink's start").
		says("warning", `{{ $labels.sink }}: {{ $values.A.Value }} metrics or lines were rejected since the sink started`,
			"The log has the reasons, the spool's rejected/ has what was rejected. The count begins again when the sink does.", "operations.md#what-the-log-says")
}

// missingReports is about outages that are over.
func missingReports() alert {
	return tableAlert("missing-reports", "Reports of a gateway are missing", time.Hour,
		`SELECT gateway, sum(extract(epoch FROM ended - began)) AS seconds
FROM vpn_traffic_outages($__timeFrom(), $__timeTo()) WHERE ended < $__timeTo() GROUP BY gateway`).
		over(missing, "seconds of the last hour").
		says("info", `{{ $labels.gateway }}: no reports for {{ humanizeDuration $values.A.Value }} of the last hour`,
			"Did Telegraf or the gateway restart? With state_file, the traffic of that time is in the first report after it.", "operations.md#stopping-and-crashing")
}

// surge compares the last five minutes with the same hour of the day before, if
// anything is known of it.
func surge(by, label string, times float64) alert {
	return tableAlert("surge-"+label, fmt.Sprintf("The traffic of a %s surges", label), 10*time.Minute,
		`WITH least AS (SELECT %d / 8 AS rate), -- bits per second; what was less the day before counts as that
  yesterday AS (SELECT key, (src_bytes + dst_bytes) / 3600 AS rate
    FROM (SELECT date_trunc('hour', $__timeTo()::timestamptz - interval '1 day', 'UTC') AS hour) AS h
    CROSS JOIN LATERAL vpn_traffic_totals(hour, hour + interval '1 hour', '%s', measure => 'bytes'))
SELECT lately.name AS %s, lately.rate / greatest(yesterday.rate, least.rate) AS times
FROM vpn_traffic_rates($__timeFrom(), $__timeTo(), '5 minutes', '%[2]s') AS lately CROSS JOIN least LEFT JOIN yesterday USING (key)
WHERE EXISTS (SELECT FROM yesterday) ORDER BY times DESC LIMIT 20`, int(surgeLeast), by, label).
		over(times, "times as much as in the same hour of the day before").lasting("5m").
		says("warning", fmt.Sprintf(`{{ $labels.%s }}: {{ printf "%%.1f" $values.A.Value }} times the traffic of the same hour yesterday`, label),
			"The dashboards Now and Team show with whom. A flood, a scan?", "floods.md#how-to-see-it")
}

func greatShare() alert {
	return tableAlert("share", "A source has a great share of all traffic", 10*time.Minute,
		`SELECT name AS source, CASE WHEN 8 * rate < least THEN 0 ELSE share END AS share
FROM (SELECT %d AS least) AS l, -- bits per second; a share of less is none
  vpn_traffic_rates($__timeFrom(), $__timeTo(), '5 minutes', 'src', top => 10)`, int(shareLeast)).
		over(shareOfAll, "of all traffic, which is 1").lasting("10m").
		says("info", `{{ $labels.source }}: {{ humanizePercentage $values.A.Value }} of all traffic`,
			"The dashboard Team shows with whom.", "operations.md#alert-rules")
}

func greatVolume() alert {
	return tableAlert("volume", "A source has used much in 24 hours", 24*time.Hour,
		`SELECT name AS source, src_bytes + dst_bytes AS bytes
FROM vpn_traffic_totals($__timeFrom(), $__timeTo(), 'src', top => 10, measure => 'bytes') WHERE key <> 'all others'`).
		over(volume, "bytes").
		says("info", `{{ $labels.source }}: {{ humanize $values.A.Value }} bytes in the last 24 hours`,
			"The dashboard Team shows with whom.", "operations.md#alert-rules")
}

func scan() alert {
	return tableAlert("scan", "A source reaches very many destinations", 5*time.Minute,
		`SELECT name AS source, peers FROM vpn_traffic_peers($__timeFrom(), $__timeTo(), 'src', top => 10)`).
		over(manyPeers, "destinations in five minutes").
		says("warning", `{{ $labels.source }}: traffic with {{ $values.A.Value }} destinations in five minutes`,
			"A scan? See who, over which ports.", "operations.md#who-scanned")
}

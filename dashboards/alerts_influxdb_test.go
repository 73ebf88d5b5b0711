package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// fields are what the input says of itself some seconds after the test's traffic began.
type fields map[string]int

// quietFields are those of a gateway of which nothing is to be said: counters stand
// still, wherever they are.
func quietFields(seconds int) fields {
	f := fields{"uptime_s": 86400 + seconds, "flows": 10000, "unanswered_flows": 100, "table_entries": 10000, "table_max": 262144, "dying_flows": 10, "dump_time_ns": 20e6, "delivery_time_ns": 1e6}
	for _, counter := range []string{"gather_errors", "state_errors", "table_drop", "table_early_drop", "table_insert_failed", "table_invalid", "table_error", "swept_flows", "died_unseen_flows", "unknown_bytes", "uncounted_readings", "decode_errors", "ignored_bytes", "folded_readings", "folded_sources", "close_overruns", "destroy_overruns", "dump_restarts"} {
		f[counter] = 100
	}
	for _, state := range []string{"zeroed_flows", "uncounted_flowtables", "picked_up_flows", "picked_up_refused"} {
		f[state] = 0
	}
	return f
}

// faults are what makes each rule fire, of a gateway that is called like the rule; nil
// is silence.
func faults() map[string]func(f fields, seconds int) {
	change := map[string]func(fields, int){
		"silent-gateway": nil,
		"dump-time":      func(f fields, _ int) { f["dump_time_ns"] = 14e9 },
		"delivery-time":  func(f fields, _ int) { f["delivery_time_ns"] = 14e9 },
		"restarts": func(f fields, seconds int) {
			f["uptime_s"], f["died_unseen_flows"], f["unknown_bytes"] = seconds%1000, 0, 0
		},
		"table-use":            func(f fields, _ int) { f["table_entries"] = 260000 },
		"dying-flows":          func(f fields, _ int) { f["dying_flows"] = 30000 },
		"uncounted-packets":    func(f fields, seconds int) { f["table_invalid"], f["table_error"] = 5*seconds, 5*seconds },
		"unanswered-flows":     func(f fields, _ int) { f["unanswered_flows"] = 6000 },
		"died-unseen-flows":    func(f fields, seconds int) { f["uptime_s"], f["unknown_bytes"] = started(seconds), 0 },
		"unknown-bytes":        func(f fields, seconds int) { f["uptime_s"], f["died_unseen_flows"] = started(seconds), 0 },
		"zeroed-flows":         func(f fields, _ int) { f["zeroed_flows"] = 1 },
		"uncounted-flowtables": func(f fields, _ int) { f["uncounted_flowtables"] = 1 },
		"picked-up-flows":      func(f fields, _ int) { f["picked_up_refused"] = 1 },
	}
	for _, counter := range []string{"gather_errors", "state_errors", "table_drop", "table_early_drop", "table_insert_failed", "swept_flows", "uncounted_readings", "decode_errors", "ignored_bytes", "folded_readings", "folded_sources", "close_overruns", "destroy_overruns", "dump_restarts"} {
		change[strings.ReplaceAll(counter, "_", "-")] = func(f fields, seconds int) { f[counter] = 10 * seconds }
	}
	return change
}

// started has the plugin start ten minutes before the end of an hour.
func started(seconds int) int { return (seconds + 86400*1000) % (50 * 60) }

// Each rule fires for the gateway that has its fault, and for no other.
func TestInfluxDBAlerts(t *testing.T) {
	t.Parallel()
	testkit.EachInflux(t, nil, testInfluxAlerts)
}

func testInfluxAlerts(t *testing.T, db *testkit.InfluxDB) {
	now := time.Now().UTC().Truncate(time.Second)
	traffic := known{}
	for n := range 240 {
		for _, host := range []string{"quiet", "uncounted-packets"} {
			traffic[host] = append(traffic[host], reportfile.Row{Time: now.Add(-time.Duration(n) * pace).UnixNano(), Proto: "udp", Port: 53, Src: "10.32.1.0", Dst: "10.33.1.0", SrcPackets: 1000})
		}
	}
	sumUp := func() {}
	points := statusPoints(now)
	if db.Version == 1 {
		testkit.Need(t, "influx")
		sumUp = func() { downsample(t, db, "-backfill", "2h") }
	} else {
		points = append(points, sumLines(traffic)...)
	}
	sumUp()
	require.Equal(t, map[string][]string{"conntrack-influxdb-silent-gateway": {nothing}}, firingInInfluxDB(t, db, now))

	writePoints(t, db, traffic, points...)
	sumUp()
	want := map[string][]string{}
	for id := range faults() {
		want["conntrack-influxdb-"+id] = []string{id}
	}
	require.Equal(t, want, firingInInfluxDB(t, db, now))
}

// statusPoints are an hour of gateways, each with a fault, and of two that are well: of
// few flows, most may be unanswered.
func statusPoints(now time.Time) (lines []string) {
	all := faults()
	all["quiet"] = func(fields, int) {}
	all["small"] = func(f fields, _ int) { f["flows"], f["unanswered_flows"] = 10, 9 }
	for host, fault := range all {
		for n := range 240 {
			seconds := 15 * n
			f := quietFields(seconds)
			if fault == nil && n >= 200 {
				break
			} else if fault != nil {
				fault(f, seconds)
			}
			var values []string
			for field, value := range f {
				values = append(values, fmt.Sprintf("%s=%di", field, value))
			}
			at := now.Add(time.Duration(seconds)*time.Second - 239*pace)
			lines = append(lines, fmt.Sprintf("conntrack_accounting_internal,host=%s %s %d", host, strings.Join(values, ","), at.UnixNano()))
		}
	}
	return lines
}

// firingInInfluxDB asks all rules, as they are at a time. Without downsample, a rule has to
// name the input's sums, as docs/dashboards.md says.
func firingInInfluxDB(t *testing.T, db *testkit.InfluxDB, now time.Time) map[string][]string {
	t.Helper()
	return firing(t, "conntrack-accounting-influxdb.yaml", now, func(v view, model object) []labelled {
		require.Equal(t, "time_series", model["resultFormat"])
		query := model.text()
		if db.Version == 2 {
			query = strings.ReplaceAll(query, `"conntrack_report"."conntrack_by_port"`, `"conntrack_accounting_by_port"`)
		}
		return linesOf(t, db.Query("telegraf", v.influxql(t, &dashboard{}, query, time.Minute)))
	})
}

// linesOf reads series as Grafana's expressions do: tags are labels of a line. Values
// that are missing are dropped.
func linesOf(t *testing.T, series []testkit.Series) (lines []labelled) {
	t.Helper()
	for _, s := range series {
		require.Len(t, s.Columns, 2, "a time and a number")
		l := labelled{labels: maps.Clone(s.Tags)}
		for _, row := range s.Values {
			if number, ok := row[1].(json.Number); ok {
				value, err := number.Float64()
				require.NoError(t, err)
				l.values = append(l.values, value)
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// Rules ask for fields that the input's README documents.
func TestInfluxDBAlertsAskForFields(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(testkit.Root(t), "plugins/inputs/conntrack_accounting/README.md"))
	require.NoError(t, err)
	known := slices.Collect(maps.Keys(quietFields(0)))
	for _, field := range known {
		require.Contains(t, string(readme), "- "+field+" (")
	}
	for _, rule := range rulesOf(t, "conntrack-accounting-influxdb.yaml") {
		for _, use := range quoted.FindAllStringSubmatch(rule.Data[0].Model.text(), -1) {
			require.Contains(t, append(known, "conntrack_accounting_internal", "host", "n", "d"), use[1], rule.UID)
		}
	}
}

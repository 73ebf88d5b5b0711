package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// influxdb makes frames of the answer as Grafana's InfluxDB datasource does: one for
// each line, or one table.
func (q *lookQuery) influxdb(address string) ([]*data.Frame, error) {
	series, err := influxSeriesOf(address, q.Text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, q.Text)
	}
	if q.Format == "table" {
		return q.influxTable(series), nil
	}
	frames := []*data.Frame{} // in JSON no null
	for _, s := range series {
		for column := 1; column < len(s.Columns); column++ {
			values := data.NewField("Value", s.Tags, []*float64{})
			values.Config = &data.FieldConfig{DisplayNameFromDS: influxName(&s, column, q.Alias)}
			frame := data.NewFrame(values.Config.DisplayNameFromDS, data.NewField("Time", nil, []time.Time{}), values)
			for _, row := range s.Values {
				frame.AppendRow(influxTime(row[0]), influxNumber(row[column]))
			}
			frame.RefID = q.RefID
			frames = append(frames, frame)
		}
	}
	return frames, nil
}

// influxName is what a line is called: the alias, or the series with its tags.
func influxName(s *testkit.Series, column int, alias string) string {
	if alias == "" {
		return fmt.Sprintf("%s.%s", s.Name, s.Columns[column])
	}
	return aliasUse.ReplaceAllStringFunc(alias, func(use string) string {
		if tag := aliasUse.FindStringSubmatch(use)[1]; tag != "" {
			return s.Tags[tag]
		}
		return s.Columns[column]
	})
}

func (q *lookQuery) influxTable(series []testkit.Series) []*data.Frame {
	if len(series) == 0 {
		return []*data.Frame{}
	}
	first := series[0]
	tags := slices.Sorted(maps.Keys(first.Tags))
	frame := data.NewFrame(first.Name, data.NewField("Time", nil, []time.Time{}))
	frame.RefID = q.RefID
	for _, tag := range tags {
		frame.Fields = append(frame.Fields, data.NewField(tag, nil, []string{}))
	}
	for column, name := range first.Columns[1:] {
		if _, text := first.Values[0][column+1].(string); text {
			frame.Fields = append(frame.Fields, data.NewField(name, nil, []string{}))
		} else {
			frame.Fields = append(frame.Fields, data.NewField(name, nil, []*float64{}))
		}
	}
	for _, s := range series {
		for _, row := range s.Values {
			frame.AppendRow(influxRow(s.Tags, tags, row)...)
		}
	}
	return []*data.Frame{frame}
}

func influxRow(tags map[string]string, order []string, row []any) []any {
	values := []any{influxTime(row[0])}
	for _, tag := range order {
		values = append(values, tags[tag])
	}
	for _, value := range row[1:] {
		if text, is := value.(string); is {
			values = append(values, text)
		} else {
			values = append(values, influxNumber(value))
		}
	}
	return values
}

func influxTime(value any) time.Time {
	ms, _ := value.(float64)
	return time.UnixMilli(int64(ms)).UTC()
}

func influxNumber(value any) *float64 {
	if number, is := value.(float64); is {
		return &number
	}
	return nil
}

// influxSeriesOf runs InfluxQL, and returns errors, which the page shows.
func influxSeriesOf(address, query string) ([]testkit.Series, error) {
	answer, err := http.PostForm(address+"/query", url.Values{"db": {"telegraf"}, "epoch": {"ms"}, "q": {query}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var parsed struct {
		Error   string
		Results []struct {
			Error  string
			Series []testkit.Series
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&parsed); err != nil {
		return nil, err
	}
	problems := []string{}
	var series []testkit.Series
	for _, result := range parsed.Results {
		problems = append(problems, result.Error)
		series = append(series, result.Series...)
	}
	if problem := strings.Join(append(problems, parsed.Error), ""); problem != "" {
		return nil, errors.New(problem)
	}
	return series, nil
}

// lookInfluxdb makes an InfluxDB with the rows of a Postgres, summed up as the script
// that is shipped does it, and what Telegraf writes of the gateway itself, but for the outage. Without a
// Postgres it has no points at all.
func lookInfluxdb(t *testing.T, from *testkit.PG, now time.Time, outage [2]time.Time) *testkit.InfluxDB {
	t.Helper()
	db := testkit.Influx(t, nil)
	db.Query("", "CREATE DATABASE telegraf")
	if from != nil {
		writePoints(t, db, storedTraffic(t, from.DB()), gatewayPoints(t, now, outage)...)
	}
	downsample(t, db, "-interval", "60", "-backfill", "8h")
	return db
}

// storedTraffic reads the rows of a database, with the names of their sources.
func storedTraffic(t *testing.T, db *sql.DB) known {
	t.Helper()
	rows, err := db.Query(`SELECT host, (extract(epoch FROM time) * 1e9)::bigint, proto, port, src, dst, src_packets, dst_packets, src_bytes, dst_bytes,
		connection_count, connection_times, open_connections,
		coalesce((SELECT name FROM vpn_traffic_name_history h WHERE kind = 'src' AND address = src AND h.host = r.host ORDER BY since DESC LIMIT 1), '') FROM vpn_traffic r`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	traffic := known{}
	for rows.Next() {
		host, r := "", reportfile.Row{HasOpen: true}
		require.NoError(t, rows.Scan(&host, &r.Time, &r.Proto, &r.Port, &r.Src, &r.Dst, &r.SrcPackets, &r.DstPackets, &r.SrcBytes, &r.DstBytes,
			&r.ConnectionCount, &r.ConnectionTimes, &r.OpenConnections, &r.SrcName))
		traffic[host] = append(traffic[host], r)
	}
	require.NoError(t, rows.Err())
	return traffic
}

// gatewayPoints are eight hours of the input's own metrics and of the kernel's table.
func gatewayPoints(t *testing.T, now time.Time, outage [2]time.Time) (points []string) {
	t.Helper()
	text, err := os.ReadFile("influxdb/health.json")
	require.NoError(t, err)
	fields := map[string]bool{}
	for _, use := range fieldUse.FindAllStringSubmatch(strings.ReplaceAll(string(text), `\"`, `"`), -1) {
		fields[use[1]] = true
	}
	for n := range 8 * 60 {
		at := now.Add(time.Duration(n-8*60) * time.Minute)
		if !at.Before(outage[0]) && at.Before(outage[1]) {
			continue
		}
		var values []string
		for field := range fields {
			values = append(values, fmt.Sprintf("%s=%di", field, 1000+3*n))
		}
		points = append(points,
			fmt.Sprintf("conntrack_accounting_internal,host=gw1 %s %d", strings.Join(values, ","), at.UnixNano()),
			fmt.Sprintf("conntrack,host=gw1 ip_conntrack_count=%di,ip_conntrack_max=262144i %d", 90000+50*(n%700), at.UnixNano()))
	}
	return points
}

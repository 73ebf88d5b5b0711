package main

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
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
func (q *lookQuery) influxdb(db *testkit.InfluxDB) ([]*data.Frame, error) {
	series, err := db.Try("telegraf", q.Text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, q.Text)
	}
	if q.Format == "table" {
		return q.influxTable(series)
	}
	frames := []*data.Frame{} // in JSON no null
	for _, s := range series {
		for column := 1; column < len(s.Columns); column++ {
			frame, err := influxFrame(&s, column, influxName(&s, column, q.Alias))
			if err != nil {
				return nil, err
			}
			frame.Fields[1].Config = &data.FieldConfig{DisplayNameFromDS: frame.Name}
			frame.RefID = q.RefID
			frames = append(frames, frame)
		}
	}
	return frames, nil
}

func (q *lookQuery) influxTable(series []testkit.Series) ([]*data.Frame, error) {
	if len(series) == 0 {
		return []*data.Frame{}, nil
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
			values, err := influxRow(s.Tags, tags, row)
			if err != nil {
				return nil, err
			}
			frame.AppendRow(values...)
		}
	}
	return []*data.Frame{frame}, nil
}

func influxRow(tags map[string]string, order []string, row []any) ([]any, error) {
	at, err := influxTime(row[0])
	values := []any{at}
	for _, tag := range order {
		values = append(values, tags[tag])
	}
	for _, value := range row[1:] {
		if text, is := value.(string); is {
			values = append(values, text)
			continue
		}
		number, wrong := influxNumber(value)
		values, err = append(values, number), errors.Join(err, wrong)
	}
	return values, err
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

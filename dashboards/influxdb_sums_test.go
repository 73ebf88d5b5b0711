package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// sumLines are what the input adds to rows with its option sums.
func sumLines(traffic known) (lines []string) {
	type point struct {
		series string
		time   int64
		open   bool
	}
	kinds := map[string]func(*reportfile.Row) string{
		"src":  func(r *reportfile.Row) string { return ",src=" + r.Src + nameTags(&reportfile.Row{SrcName: r.SrcName}) },
		"dst":  func(r *reportfile.Row) string { return ",dst=" + r.Dst + nameTags(&reportfile.Row{DstName: r.DstName}) },
		"port": func(r *reportfile.Row) string { return fmt.Sprintf(",proto=%s,port=%d", r.Proto, r.Port) },
	}
	sums := map[point][7]int64{}
	for host, rows := range traffic {
		for i := range rows {
			r := &rows[i]
			for by, tags := range kinds {
				at := point{fmt.Sprintf("conntrack_accounting_by_%s,host=%s%s", by, host, tags(r)), r.Time, r.HasOpen}
				sum := sums[at]
				for n, value := range [...]int64{r.SrcPackets, r.SrcBytes, r.DstPackets, r.DstBytes, r.ConnectionCount, r.ConnectionTimes, r.OpenConnections} {
					sum[n] += value
				}
				sums[at] = sum
			}
		}
	}
	for at, s := range sums {
		fields := fmt.Sprintf("src_packets=%di,src_bytes=%di,dst_packets=%di,dst_bytes=%di,connection_count=%di,connection_times=%di", s[0], s[1], s[2], s[3], s[4], s[5])
		if at.open {
			fields += fmt.Sprintf(",open_connections=%di", s[6])
		}
		lines = append(lines, fmt.Sprintf("%s %s %d", at.series, fields, at.time))
	}
	return lines
}

// With the input's own sums nothing has to be set up in the database.
func TestInfluxDBSums(t *testing.T) {
	t.Parallel()
	testkit.EachInflux(t, nil, testInfluxSums)
}

func testInfluxSums(t *testing.T, db *testkit.InfluxDB) {
	begin := time.Now().UTC().Truncate(time.Hour).Add(-6 * time.Hour)
	traffic := withNames(trafficFrom(begin), begin.Add(renamedAfter))
	writePoints(t, db, traffic, append(sumLines(traffic), pingLine(begin))...)
	t.Run("variables", func(t *testing.T) { testInfluxVariables(t, db, begin, "influxdb-sums/groups.json") })
	t.Run("health", func(t *testing.T) { testInfluxHealth(t, db, begin, "influxdb-sums/health.json") })
	for _, file := range files("influxdb-sums") {
		if file == "influxdb-sums/health.json" {
			continue // it asks for no traffic
		}
		d := load(t, file)
		for name, v := range viewsOf(begin) {
			if alike[name] && !testkit.Thorough() {
				continue
			}
			t.Run(file+"/"+name, func(t *testing.T) {
				t.Parallel()
				with := v.choose(t, db, d)
				with.chosen["report"] = []string{strconv.Itoa(int(pace.Seconds()))}
				for _, p := range d.Panels {
					step := with.interval(p)
					require.Zero(t, step%pace, "each step has as many reports")
					with.chosen["step_seconds"] = []string{strconv.Itoa(int(step.Seconds()))}
					for _, target := range p.Targets {
						checkInflux(t, db, d, with, "step", p, target, traffic)
					}
				}
			})
		}
	}
}

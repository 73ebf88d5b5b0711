package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// writePoints sends traffic to InfluxDB as Telegraf does.
func writePoints(t *testing.T, db *testkit.InfluxDB, traffic known, more ...string) {
	t.Helper()
	var lines bytes.Buffer
	for host, rows := range traffic {
		for n, row := range rows {
			fmt.Fprintf(&lines, "conntrack_accounting,src=%s,dst=%s,proto=%s,port=%d,host=%s%s src_packets=%di,src_bytes=%di,dst_packets=%di,dst_bytes=%di,connection_count=%di,connection_times=%di",
				row.Src, row.Dst, row.Proto, row.Port, host, nameTags(&row), row.SrcPackets, row.SrcBytes, row.DstPackets, row.DstBytes, row.ConnectionCount, row.ConnectionTimes)
			if row.HasOpen {
				fmt.Fprintf(&lines, ",open_connections=%di", row.OpenConnections)
			}
			fmt.Fprintf(&lines, " %d\n", row.Time)
			if n%5000 == 4999 {
				db.Write("telegraf", &lines)
			}
		}
	}
	for _, line := range more {
		lines.WriteString(line + "\n")
	}
	db.Write("telegraf", &lines)
}

// downsample runs the script that is shipped.
func downsample(t *testing.T, db *testkit.InfluxDB, args ...string) string {
	t.Helper()
	out, err := tryDownsample(t, db, args...)
	require.NoError(t, err, "%s", out)
	return out
}

// downsampleFails runs it with what it must refuse.
func downsampleFails(t *testing.T, db *testkit.InfluxDB, args ...string) string {
	t.Helper()
	out, err := tryDownsample(t, db, args...)
	require.Error(t, err, "%s", out)
	return out
}

func tryDownsample(t *testing.T, db *testkit.InfluxDB, args ...string) (string, error) {
	t.Helper()
	address, err := url.Parse(db.URL)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(address.Host)
	require.NoError(t, err)
	out, err := exec.Command("influxdb/downsample", append(args, "-host", host, "-port", port)...).CombinedOutput()
	return string(out), err
}

// choose asks the hidden variables which policy and step a range has.
func (v view) choose(t *testing.T, db *testkit.InfluxDB, d *dashboard) view {
	t.Helper()
	chosen := maps.Clone(v.chosen)
	if chosen == nil {
		chosen = map[string][]string{}
	}
	with := view{v.from, v.to, chosen}
	for _, variable := range d.Templating.List {
		if variable.Type != "query" || variable.Hide != 2 {
			continue
		}
		series := db.Query("telegraf", with.influxql(t, d, variable.Query.(string), 0))
		if variable.Multi {
			chosen[variable.Name] = []string{}
		} else {
			require.Len(t, series, 1, variable.Query)
			require.Len(t, series[0].Values, 1, variable.Query)
		}
		for _, s := range series {
			for _, row := range s.Values {
				chosen[variable.Name] = append(chosen[variable.Name], fmt.Sprint(row[1])) // what follows the time
			}
		}
	}
	return with
}

// TestKeepLeavesOthersAlone has a database that Telegraf filled before us: to
// keep our points for three days must not delete the others' older ones.
func TestKeepLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "influx")
	db := testkit.Influx(t, nil)
	db.Query("", "CREATE DATABASE telegraf")
	old := time.Now().AddDate(0, 0, -20).UnixNano()
	writePoints(t, db, nil, fmt.Sprintf("cpu,host=gw usage=7 %d", old), fmt.Sprintf("conntrack_accounting_internal,host=gw flows=1i %d", old))
	kept := func() any { return db.Query("telegraf", "SHOW RETENTION POLICIES")[0].Values[0][1] }

	refused := downsampleFails(t, db, "-keep", "3d")
	require.Contains(t, refused, "cpu")
	require.NotContains(t, refused, "conntrack_accounting_internal", "ours")
	require.NotContains(t, refused, "is set up")
	require.Equal(t, "0s", kept())
	require.Len(t, db.Query("telegraf", "SHOW RETENTION POLICIES")[0].Values, 1, "nothing was made")
	require.Len(t, db.Query("telegraf", "SELECT usage FROM cpu"), 1)

	require.Contains(t, downsample(t, db), "raw points stay")
	require.Equal(t, "0s", kept())
	require.Contains(t, downsample(t, db, "-keep", "3d", "-others"), "of all measurements")
	require.Equal(t, "72h0m0s", kept())
}

// viewsOf are looks at the test's traffic.
func viewsOf(begin time.Time) map[string]view {
	return map[string]view{
		"an hour":    {from: begin.Add(time.Hour), to: begin.Add(2 * time.Hour)},
		"four hours": {from: begin, to: begin.Add(lasts)},
		"a day":      {from: begin.Add(lasts - 24*time.Hour), to: begin.Add(lasts)},
		"crooked":    {from: begin.Add(17*time.Minute + 3*time.Second), to: begin.Add(201*time.Minute + 7*time.Second)},
		"a source and a port": {
			begin, begin.Add(lasts), map[string][]string{"src": {"10.32.3.0", "10.32.4.0"}, "port": {"443"}},
		},
		"a gateway": {begin, begin.Add(time.Hour), map[string][]string{"host": {"gw2"}}},
		"nothing":   {begin, begin.Add(time.Hour), map[string][]string{"host": {"none"}}},
	}
}

// alike are views of which the queries are those of others, at other times.
var alike = map[string]bool{"half an hour": true, "an hour": true, "four hours": true, "a day": true}

// pingLine is what Telegraf's ping input measured once.
func pingLine(begin time.Time) string {
	return fmt.Sprintf("ping,host=gw1,url=10.32.1.1 average_response_ms=7.5,percent_packet_loss=20 %d", begin.Add(time.Hour).UnixNano())
}

func TestInfluxDBPanels(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "influx")
	db := testkit.Influx(t, nil)
	db.Query("", "CREATE DATABASE telegraf")
	begin := time.Now().UTC().Truncate(time.Hour).Add(-6 * time.Hour) // its end is so long ago that all sums are there
	traffic := withNames(trafficFrom(begin), begin.Add(renamedAfter))
	writePoints(t, db, traffic, pingLine(begin))
	require.Contains(t, downsample(t, db, "-backfill", "2d"), "is set up")
	require.NotContains(t, downsample(t, db, "-keep", "3d"), "raw points stay", "again, with other settings")

	views := viewsOf(begin)
	views["half an hour"] = view{from: begin.Add(time.Hour), to: begin.Add(90 * time.Minute)}
	views["a week"] = view{from: begin.Add(lasts - 168*time.Hour), to: begin.Add(lasts)}
	type read struct {
		rollups, full string // policies
		seconds       int
	}
	reads := map[string]read{
		"crooked": {"conntrack_report", "conntrack_tenminutes", 60}, "half an hour": {"conntrack_report", "autogen", 15},
		"an hour": {"conntrack_report", "autogen", 15}, "four hours": {"conntrack_report", "conntrack_tenminutes", 60},
		"a day": {"conntrack_minute", "conntrack_tenminutes", 300}, "a week": {"conntrack_hour", "conntrack_hour", 3600},
		"a source and a port": {"conntrack_report", "conntrack_tenminutes", 60},
		"a gateway":           {"conntrack_report", "autogen", 15}, "nothing": {"conntrack_report", "autogen", 15},
	}
	require.Len(t, reads, len(views))
	t.Run("panels", func(t *testing.T) {
		for file, kind := range map[string]string{
			"influxdb/now.json": "rollup", "influxdb/connections.json": "rollup", "influxdb/groups.json": "full", "influxdb/team.json": "full",
		} {
			d := load(t, file)
			for name, v := range views {
				if file == "influxdb/now.json" && name != "crooked" && name != "nothing" {
					continue // its queries are those of Connections
				}
				if alike[name] && !testkit.Thorough() {
					continue
				}
				t.Run(file+"/"+name, func(t *testing.T) {
					t.Parallel()
					with := v.choose(t, db, d)
					require.Equal(t, []string{reads[name].rollups}, with.chosen["rollup_policy"])
					require.Equal(t, []string{reads[name].full}, with.chosen["full_policy"])
					require.Equal(t, []string{strconv.Itoa(reads[name].seconds)}, with.chosen["rollup_seconds"])
					for _, p := range d.Panels {
						for _, target := range p.Targets {
							checkInflux(t, db, d, with, kind, p, target, traffic)
						}
					}
				})
			}
		}
	})
	t.Run("late", func(t *testing.T) {
		d, now := load(t, "influxdb/connections.json"), time.Now()
		late := func(from, to time.Time) string {
			return view{from: from, to: to}.choose(t, db, d).chosen["rollup_late"][0]
		}
		require.Equal(t, "15", late(now.Add(-time.Hour), now), "the sums of the last report are still to come")
		require.Equal(t, "660", late(now.AddDate(0, 0, -7), now))
		require.Equal(t, "0", late(now.Add(-2*time.Hour), now.Add(-time.Hour)))
	})
	t.Run("health", func(t *testing.T) { testInfluxHealth(t, db, begin, "influxdb/health.json") })
	t.Run("variables", func(t *testing.T) { testInfluxVariables(t, db, begin, "influxdb/groups.json") })
	t.Run("names", func(t *testing.T) { testInfluxNames(t, db, begin) })
	t.Run("links", func(t *testing.T) { testInfluxLinks(t, db, begin) })
	t.Run("series", func(t *testing.T) { testInfluxSeries(t, db, traffic) })
	t.Run("new points", func(t *testing.T) { testInfluxNewPoints(t, db) })
}

// checkInflux asks what a panel asks and compares it with the truth.
func checkInflux(t *testing.T, db *testkit.InfluxDB, d *dashboard, v view, kind string, p *panel, target object, traffic known) {
	t.Helper()
	query := v.influxql(t, d, target["query"].(string), v.interval(p))
	series := db.Query("telegraf", query)
	if field := map[string]string{"Latency": "7.5", "Packet loss": "20"}[p.Title]; field != "" {
		for _, s := range series {
			require.Equal(t, "10.32.1.1", s.Tags["url"])
			require.Contains(t, fmt.Sprint(s.Values), " "+field+"]")
		}
		require.Equal(t, v.chosen["host"] == nil, len(series) == 1, query)
		return
	}
	seconds, err := strconv.Atoi(v.chosen[kind+"_seconds"][0])
	require.NoError(t, err)
	width := time.Duration(seconds) * time.Second
	keep := v.keeps(target["query"].(string))
	if p.Title == "Active sources" {
		checkActive(t, series, traffic.truth(v.from.Truncate(width), v.to.Truncate(width), ever, keep, bySrc))
		return
	}
	name, values := influxMeaning(t, p)
	name, keep = v.topOnly(t, target["query"].(string), traffic, width, name, keep)
	if target["resultFormat"] == "table" {
		checkInfluxTable(t, series, traffic.truth(v.from.Truncate(width), v.to.Truncate(width), ever, keep, name))
		return
	}
	truth := traffic.truth(v.from.Truncate(width), v.to.Truncate(width), width, keep, name)
	names := map[string]bool{}
	for _, s := range truth {
		for name := range s.names {
			names[name] = true
		}
	}
	if len(names) == 0 {
		require.Empty(t, series, query)
		return
	}
	frames := influxFrames(t, series, target["alias"].(string))
	for label := range frames {
		require.True(t, names[label] || values[label] != nil, "a line %q: %s", label, query)
	}
	for label, value := range values {
		for n := range names {
			if n != "total" {
				label = n
			}
			field := frames[label]
			for at, s := range truth {
				want, known := value(s, n, float64(seconds))
				if s.names[n] == nil {
					known = false
				}
				got := field[at.Unix()]
				if !known {
					require.True(t, got == nil || *got == 0, "%s at %s: %s", label, at, query)
					continue
				}
				require.NotNil(t, got, "%s of %q at %s: %s", label, p.Title, at, query)
				requireClose(t, want, *got, "%s at %s: %s", label, at, query)
			}
		}
	}
}

var topUse = regexp.MustCompile(`"(src|dst)" (=~|!~) /\^\$\{top_`)

// topOnly leaves of what is kept the greatest sources or destinations, or all others,
// as the query says, once it knows that they are the greatest.
func (v view) topOnly(t *testing.T, query string, traffic known, width time.Duration, name func(string, *reportfile.Row) string, keep func(string, *reportfile.Row) bool) (
	func(string, *reportfile.Row) string, func(string, *reportfile.Row) bool,
) {
	t.Helper()
	use := topUse.FindStringSubmatch(query)
	if use == nil {
		return name, keep
	}
	address := map[string]func(string, *reportfile.Row) string{"src": bySrc, "dst": byDst}[use[1]]
	greatest := top(traffic.truth(v.from.Truncate(width), v.to.Truncate(width), ever, keep, address), 10, func(s *step, name string) float64 {
		n, _ := bitsBoth(s, name, 1)
		return n
	})
	require.ElementsMatch(t, slices.Collect(maps.Keys(greatest)), v.chosen["top_"+use[1]])
	isTop := use[2] == "=~"
	if !isTop {
		name = func(string, *reportfile.Row) string { return others }
	}
	return name, func(host string, row *reportfile.Row) bool {
		return (keep == nil || keep(host, row)) && greatest[address(host, row)] == isTop
	}
}

// checkActive expects the number of sources.
func checkActive(t *testing.T, series []testkit.Series, truth map[time.Time]*step) {
	t.Helper()
	for _, s := range truth {
		if len(s.names) > 0 {
			require.Len(t, series, 1)
			require.Equal(t, strconv.Itoa(len(s.names)), fmt.Sprint(series[0].Values[0][1]))
			return
		}
	}
	require.Empty(t, series)
}

// nominalOpen is the average over as many reports as a step should have.
func nominalOpen(s *step, name string, seconds float64) (float64, bool) {
	sum, known := 0.0, false
	if of := s.names[name]; of != nil {
		for _, n := range of.open {
			sum, known = sum+n, true
		}
	}
	return sum / (seconds / pace.Seconds()), known
}

func plainService(_ string, row *reportfile.Row) string {
	return fmt.Sprintf("%s/%d", row.Proto, row.Port)
}

// influxMeaning is what the lines of a panel have to be.
func influxMeaning(t *testing.T, p *panel) (name func(string, *reportfile.Row) string, values map[string]value) {
	t.Helper()
	only := func(label string, v value) map[string]value { return map[string]value{label: v} }
	switch p.Title {
	case "Throughput":
		if p.Type == "stat" {
			return total, only("throughput", bitsBoth)
		}
		return total, map[string]value{"sent": bitsOut, "received": bitsBack}
	case "Packets":
		if p.Type == "stat" {
			return total, only("packets", packetsBoth)
		}
		return total, map[string]value{"sent": packetsOut, "received": packetsBack}
	case "Network throughput", "Connections it opened", "Connections to it":
		return total, map[string]value{"sent": bitsOut, "received": bitsBack}
	case "Closed connections":
		return total, only("connections", closed)
	case "Connection rate":
		return total, only("closed connections", closed)
	case "Average lifetime":
		return total, only("lifetime", meanLifetime)
	case "Open connections":
		return total, only("open", nominalOpen)
	case "Open connections per source":
		return bySrcNamed, only("", nominalOpen)
	case "Bandwidth per source", "Traffic per source", "Sources", "Top sources", "It is reached by":
		return bySrcNamed, only("", bitsBoth)
	case "Traffic per destination", "Destinations", "Top destinations", "It connects to":
		return byDstNamed, only("", bitsBoth)
	case "Traffic per port", "Ports", "Ports it uses", "Ports it serves":
		return plainService, only("", bitsBoth)
	}
	require.Fail(t, "nothing is expected of", p.Title)
	return nil, nil
}

// influxFrames makes of each series and column a frame, as Grafana does, and
// returns their values by name and time.
func influxFrames(t *testing.T, series []testkit.Series, alias string) map[string]map[int64]*float64 {
	t.Helper()
	found := map[string]map[int64]*float64{}
	for _, s := range series {
		for column := 1; column < len(s.Columns); column++ {
			label := strings.TrimSpace(influxName(&s, column, alias)) // as a browser shows it
			frame, err := influxFrame(&s, column, label)
			require.NoError(t, err)
			values := map[int64]*float64{}
			for n := range frame.Rows() {
				values[frame.At(0, n).(time.Time).Unix()] = frame.At(1, n).(*float64)
			}
			require.Equal(t, data.TimeSeriesTypeWide, frame.TimeSeriesSchema().Type)
			require.Nil(t, found[label], "two lines %q", label)
			found[label] = values
		}
	}
	return found
}

func checkInfluxTable(t *testing.T, series []testkit.Series, truth map[time.Time]*step) {
	t.Helper()
	rows := map[string]*sums{}
	for _, s := range truth {
		maps.Copy(rows, s.names)
	}
	require.Len(t, series, len(rows))
	for _, s := range series {
		name := labelOf(s.Tags["src_name"]+s.Tags["dst_name"], s.Tags["src"]+s.Tags["dst"])
		if name == "" {
			name = s.Tags["proto"] + "/" + s.Tags["port"]
		}
		of := rows[name]
		require.NotNil(t, of, name)
		for column, want := range map[string]float64{
			"traffic": of.srcBytes + of.dstBytes, "sent": of.srcBytes, "received": of.dstBytes,
			"connections": of.count,
		} {
			n, err := s.Values[0][slices.Index(s.Columns, column)].(json.Number).Float64()
			require.NoError(t, err)
			requireClose(t, want, n, "%s of %s", column, name)
		}
	}
}

func testInfluxVariables(t *testing.T, db *testkit.InfluxDB, begin time.Time, file string) {
	d := load(t, file)
	want := map[string][]string{
		"host": {"gw1", "gw2"}, "proto": {"icmp", "tcp", "udp"}, "port": {"-1", "443", "53"},
		"dst": {"10.33.0.0", "10.33.1.0", "10.33.2.0"},
	}
	for n := range 12 {
		want["src"] = append(want["src"], fmt.Sprintf("10.32.%d.0", n))
	}
	for _, variable := range d.Templating.List {
		if variable.Type != "query" || variable.Hide == 2 {
			continue
		}
		names := func(v view) (list []string) {
			v = v.choose(t, db, d)
			for _, s := range db.Query("telegraf", v.influxql(t, d, variable.Query.(string), 0)) {
				for _, row := range s.Values {
					list = append(list, row[1].(string)) // Grafana takes what follows the time
				}
			}
			return list
		}
		require.ElementsMatch(t, want[variable.Name], names(view{from: begin, to: begin.Add(lasts)}))
		require.Empty(t, names(view{from: begin.Add(-48 * time.Hour), to: begin.Add(-47 * time.Hour)}), "a variable follows the range")
	}
}

// The rollups hold as many series as there are sources and ports, whatever talks
// to whatever, and more only of the source that got another name. Sums of all
// series are no other series than the points are.
func testInfluxSeries(t *testing.T, db *testkit.InfluxDB, traffic known) {
	count := func(measurement string) int {
		series := db.Query("telegraf", `SHOW SERIES FROM "`+measurement+`"`)
		require.Len(t, series, 1)
		return len(series[0].Values)
	}
	require.Equal(t, (12+1)*4*2, count("conntrack_by_src"))
	require.Equal(t, 3*4*2, count("conntrack_by_dst"))
	require.Equal(t, 4*2, count("conntrack_by_port"))
	series := map[string]bool{}
	for host, rows := range traffic {
		for i := range rows {
			series[strings.Join([]string{host, bySrcNamed(host, &rows[i]), byDstNamed(host, &rows[i]), plainService(host, &rows[i])}, "|")] = true
		}
	}
	require.Equal(t, len(series), count("conntrack_accounting"))
}

// From now on the database sums up by itself.
func testInfluxNewPoints(t *testing.T, db *testkit.InfluxDB) {
	at := time.Now().Add(-15 * time.Second).Truncate(pace)
	writePoints(t, db, known{"new": {{Time: at.UnixNano(), Proto: "tcp", Port: 1, Src: "new", SrcName: "Just, now", Dst: "x", SrcBytes: 5, HasOpen: true, OpenConnections: 3}}})
	require.Eventually(t, func() bool {
		series := db.Query("telegraf", `SELECT "src_bytes", "open_connections" FROM "conntrack_report"."conntrack_by_src" WHERE "src" = 'new' AND "src_name" = 'Just, now'`)
		return len(series) == 1 && fmt.Sprint(series[0].Values[0][1:]) == "[5 3]"
	}, 90*time.Second, 200*time.Millisecond)
}

func TestDownsampleRefuses(t *testing.T) {
	testkit.Need(t, "influx")
	for complaint, args := range map[string][]string{
		"-interval 7: must divide 60":        {"-interval", "7"},
		"-interval 0: must be whole seconds": {"-interval", "0"},
		`"3 days" is no duration`:            {"-keep", "3 days"},
		`-backfill "90m": must be whole`:     {"-backfill", "90m"},
		`"a\"b" is no name`:                  {"-database", `a"b`},
		"-keep needs a value":                {"-keep"},
		"Failed to connect":                  {"-host", "127.0.0.1", "-port", "1"},
	} {
		out, err := exec.Command("influxdb/downsample", args...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), regexp.MustCompile(`\\`).ReplaceAllString(complaint, ""))
	}
}

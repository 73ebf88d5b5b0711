package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// renamedAfter is within a step of every length but that of one report, so that
// steps hold both names.
const renamedAfter = 2*time.Hour + 12*time.Minute + pace

// nameTags writes the tags for names, which ends without a name have not.
func nameTags(row *reportfile.Row) (tags string) {
	escaped := strings.NewReplacer(",", `\,`, " ", `\ `, "=", `\=`)
	if row.SrcName != "" {
		tags += ",src_name=" + escaped.Replace(row.SrcName)
	}
	if row.DstName != "" {
		tags += ",dst_name=" + escaped.Replace(row.DstName)
	}
	return tags
}

// labelOf is how a line of InfluxDB is called.
func labelOf(name, address string) string { return strings.TrimSpace(name + " " + address) }

func bySrcNamed(_ string, row *reportfile.Row) string { return labelOf(row.SrcName, row.Src) }

func byDstNamed(_ string, row *reportfile.Row) string { return labelOf(row.DstName, row.Dst) }

// renamedColumns returns what a table calls the tags that it shows.
func renamedColumns(t *testing.T, p *panel) map[string]string {
	t.Helper()
	for _, transformation := range p.Transformations {
		if transformation["id"] == "organize" {
			names := map[string]string{}
			for from, to := range transformation["options"].(map[string]any)["renameByName"].(map[string]any) {
				names[from] = to.(string)
			}
			return names
		}
	}
	require.Fail(t, "no columns are named", p.Title)
	return nil
}

// shown returns what the panels show of ends: labels of lines by the title, and
// "address: name" of the rows of tables.
func shown(t *testing.T, db *testkit.InfluxDB, file string, v view) map[string][]string {
	t.Helper()
	d := load(t, file)
	v = v.choose(t, db, d)
	found := map[string][]string{}
	for _, p := range d.Panels {
		if len(p.Targets) == 0 {
			continue
		}
		target := p.Targets[0]
		series := db.Query("telegraf", v.influxql(t, d, target["query"].(string), v.interval(p)))
		if target["resultFormat"] != "table" {
			for label := range influxFrames(t, series, target["alias"].(string)) {
				found[p.Title] = append(found[p.Title], label)
			}
			continue
		}
		names := renamedColumns(t, p)
		for _, s := range series {
			cells := map[string]string{}
			for tag, value := range s.Tags {
				cells[names[tag]] = value
			}
			found[p.Title] = append(found[p.Title], cells["key"]+": "+cells["name"])
		}
	}
	return found
}

// Lines and rows show the name that points had beside the address, a line for
// each name. What has no name is shown by its address alone.
func testInfluxNames(t *testing.T, db *testkit.InfluxDB, begin time.Time) {
	const before, after = "Laboratory", `R&D, "2nd" floor`
	const address = "10.32.11.0"
	for name, test := range map[string]struct {
		view
		names, others []string
	}{
		"all of the range": {view{from: begin, to: begin.Add(lasts)}, []string{before, after}, nil},
		"an old hour":      {view{from: begin, to: begin.Add(time.Hour)}, []string{before}, []string{after}},
		"the last hour":    {view{from: begin.Add(lasts - time.Hour), to: begin.Add(lasts)}, []string{after}, []string{before}},
		"by its address": {
			view{begin, begin.Add(lasts), map[string][]string{"src": {address, "10.32.9.0"}}}, []string{before, after}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := shown(t, db, "influxdb/connections.json", test.view)
			groups := shown(t, db, "influxdb/groups.json", test.view)
			for _, labels := range [][]string{all["Bandwidth per source"], all["Open connections per source"], groups["Traffic per source"]} {
				require.Contains(t, labels, "10.32.9.0")
				require.NotContains(t, labels, address)
				for _, name := range test.names {
					require.Contains(t, labels, name+" "+address)
				}
				for _, name := range test.others {
					require.NotContains(t, labels, name+" "+address)
				}
			}
			for _, rows := range [][]string{all["Top sources"], groups["Sources"]} {
				require.Contains(t, rows, "10.32.9.0: ")
				for _, name := range test.names {
					require.Contains(t, rows, address+": "+name)
				}
			}
			labels := groups["Traffic per destination"]
			require.Subset(t, []string{"10.33.0.0", "Web 10.33.1.0", "10.33.2.0"}, labels)
			require.Contains(t, labels, "10.33.2.0")
			require.Contains(t, labels, "Web 10.33.1.0")
			for _, rows := range [][]string{all["Top destinations"], groups["Destinations"]} {
				require.Subset(t, []string{"10.33.0.0: ", "10.33.1.0: Web", "10.33.2.0: "}, rows)
				require.Contains(t, rows, "10.33.1.0: Web")
			}
		})
	}
}

// What links lead to are addresses: a tag of the line, or the cells of the column
// that shows them.
func testInfluxLinks(t *testing.T, db *testkit.InfluxDB, begin time.Time) {
	links := 0
	for _, file := range files("influxdb") {
		d := load(t, file)
		v := view{from: begin, to: begin.Add(lasts)}.choose(t, db, d)
		for _, p := range d.Panels {
			config, err := json.Marshal(p.Fields)
			require.NoError(t, err)
			for _, link := range linkField.FindAllStringSubmatch(string(config), -1) {
				links++
				tag := link[2]
				if link[1] == "value" {
					require.Regexp(t, `"options":"key"\},"properties":\[[^\]]*"url":"[^"]*__value\.text`, string(config))
					for from, to := range renamedColumns(t, p) {
						if to == "key" {
							tag = from
						}
					}
				}
				series := db.Query("telegraf", v.influxql(t, d, p.Targets[0]["query"].(string), v.interval(p)))
				require.NotEmpty(t, series)
				for _, s := range series {
					require.Regexp(t, `^10\.3\d\.\d+\.0$`, s.Tags[tag], "%s of %s", p.Title, file)
				}
			}
		}
	}
	require.Equal(t, 15, links)
}

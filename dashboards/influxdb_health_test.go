package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// fieldUse finds the fields that the input sends, not those of inner queries.
var fieldUse = regexp.MustCompile(`(?:max|min|spread)\("(\w+)"\)`)

// Each panel asks for fields that the input's README documents, and shows how
// they are, by how much they grew, or how fast.
func testInfluxHealth(t *testing.T, db *testkit.InfluxDB, begin time.Time, file string) {
	d := load(t, file)
	documented, err := os.ReadFile(filepath.Join(testkit.Root(t), "plugins/inputs/conntrack_accounting/README.md"))
	require.NoError(t, err)
	fields := map[string]bool{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if !strings.Contains(target["query"].(string), "conntrack_accounting_internal") {
				continue
			}
			for _, use := range fieldUse.FindAllStringSubmatch(target["query"].(string), -1) {
				require.Contains(t, string(documented), use[1]+" (", "of %s", p.Title)
				fields[use[1]] = true
			}
		}
	}
	var points []string
	for n := range 60 {
		at := begin.Add(time.Duration(n) * pace).UnixNano()
		var values []string
		for field := range fields {
			values = append(values, fmt.Sprintf("%s=%di", field, 100+30*n))
		}
		points = append(points,
			fmt.Sprintf("conntrack_accounting_internal,host=gw1 %s %d", strings.Join(values, ","), at),
			fmt.Sprintf("conntrack,host=gw1 ip_conntrack_count=131072i,ip_conntrack_max=262144i %d", at))
	}
	writePoints(t, db, nil, points...)

	v := view{from: begin, to: begin.Add(15 * time.Minute)}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			series := db.Query("telegraf", v.influxql(t, d, target["query"].(string), pace))
			require.Len(t, series, 1, p.Title)
			frame := influxFrames(t, series, target["alias"].(string))
			require.Len(t, frame, 1)
			for label, line := range frame {
				require.Contains(t, label, "gw1")
				for at, n := range line {
					query := target["query"].(string)
					first := at == begin.Unix() && strings.Contains(query, "derivative(") // which takes two values
					if n == nil && (first || at == v.to.Unix()) {
						continue
					}
					require.NotNil(t, n)
					switch {
					case strings.Contains(query, `FROM "conntrack" `):
						require.Equal(t, 0.5, *n)
					case strings.Contains(query, "spread("):
						require.Equal(t, 30.0*59, *n)
					case strings.Contains(query, "derivative("):
						require.Equal(t, 2.0, *n)
					default:
						require.Equal(t, 100+30*float64((at-begin.Unix())/15), *n)
					}
				}
			}
		}
	}
}

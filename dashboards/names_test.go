package main

import (
	"database/sql"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// namedTraffic is known traffic with names; a source got another one after two
// hours.
func namedTraffic() known { return withNames(knownTraffic(), begin.Add(2*time.Hour)) }

// withNames gives names to some sources and destinations, and to one of them
// another one at a time.
func withNames(traffic known, renamed time.Time) known {
	for _, rows := range traffic {
		for i := range rows {
			row := &rows[i]
			switch row.Src {
			case "10.32.11.0":
				row.SrcName = "R&D, \"2nd\" floor"
				if time.Unix(0, row.Time).Before(renamed) {
					row.SrcName = "Laboratory"
				}
			case "10.32.10.0":
				row.SrcName = row.Src
			}
			if row.Dst == "10.33.1.0" {
				row.DstName = "Web"
			}
		}
	}
	return traffic
}

// column returns a column of texts by one of another.
func column(t *testing.T, frame *data.Frame, key, value string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for row := range frame.Rows() {
		found[text(t, frame, key, row)] = text(t, frame, value, row)
	}
	return found
}

func panelsOf(t *testing.T, db *sql.DB, file string, v view) map[string]*data.Frame {
	t.Helper()
	frames := map[string]*data.Frame{}
	d := load(t, file)
	for _, p := range d.Panels {
		if len(p.Targets) > 0 {
			frames[p.Title] = ask(t, db, d, v, p, p.Targets[0])
		}
	}
	return frames
}

// filledWithNames makes a database with known traffic, some of which has names.
func filledWithNames(t *testing.T) *sql.DB {
	t.Helper()
	return testkit.DatabaseLike(t, "named", func(pg *testkit.PG) { fill(t, pg, namedTraffic()) }).DB()
}

// Sources and destinations are shown by what they were called at the end of the
// range, and their addresses stay beside it.
func TestPanelsShowNames(t *testing.T) {
	t.Parallel()
	db := filledWithNames(t)
	for name, test := range map[string]struct {
		view
		label string
	}{
		"all of the range": {view{from: begin, to: end}, `R&D, "2nd" floor (10.32.11.0)`},
		"an old hour":      {view{from: begin, to: begin.Add(time.Hour)}, "Laboratory (10.32.11.0)"},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{test.label: "10.32.11.0", "10.32.10.0": "10.32.10.0", "10.32.9.0": "10.32.9.0", others: "$__all"}
			groups, pair := panelsOf(t, db, "postgres/groups.json", test.view), panelsOf(t, db, "postgres/pair.json", test.view)
			for label, key := range want {
				field, _ := groups["Traffic per source"].FieldByName(label)
				require.NotNil(t, field, label)
				require.Equal(t, key, field.Labels["key"])
				require.Equal(t, key, column(t, groups["Sources"], "name", "key")[label])
			}
			now := panelsOf(t, db, "postgres/now.json", view{from: test.from, to: test.to})
			require.Equal(t, "10.32.11.0", column(t, now["Last five minutes"], "name", "key")[test.label])
			require.Equal(t, "10.32.11.0", column(t, now["Most destinations"], "name", "key")[test.label])
			heat, _ := pair["Sources over time"].FieldByName(test.label)
			require.NotNil(t, heat)
			require.Equal(t, "10.33.1.0", column(t, groups["Destinations"], "name", "key")["Web (10.33.1.0)"])
			require.Equal(t, "10.32.11.0", column(t, pair["Pairs"], "source", "src")[test.label])
			require.Equal(t, "10.33.1.0", column(t, pair["Pairs"], "destination", "dst")["Web (10.33.1.0)"])
			require.Contains(t, column(t, pair["Sources against destinations"], "source", "destination"), test.label)

			d := load(t, "postgres/groups.json")
			for _, variable := range d.Templating.List {
				if variable.Name == "src" {
					rows, err := db.Query(test.sql(t, d, variable.Query.(string), time.Minute))
					require.NoError(t, err)
					values := column(t, frameOf(t, rows), "__value", "__text")
					require.Equal(t, test.label, values["10.32.11.0"])
					require.Equal(t, "10.32.10.0", values["10.32.10.0"])
				}
			}
		})
	}
}

var linkField = regexp.MustCompile(`var-\w+=\$\{__(data\.fields|field\.labels|field|value)\.(\w+):percentencode\}`)

// What links lead to are addresses, never labels: of a field of the table that is
// hidden, or of a label of the line.
func TestLinksLeadToAddresses(t *testing.T) {
	t.Parallel()
	db := filledWithNames(t)
	for _, file := range files("postgres") {
		d := load(t, file)
		for _, p := range d.Panels {
			config, err := json.Marshal(p.Fields)
			require.NoError(t, err)
			for _, link := range linkField.FindAllStringSubmatch(string(config), -1) {
				frame := ask(t, db, d, view{from: begin, to: begin.Add(90 * time.Minute)}, p, p.Targets[0])
				if link[0] == "var-dst=${__field.name:percentencode}" {
					continue // the columns of the matrix, see TestLabelsStandForAddresses
				}
				switch link[1] {
				case "data.fields":
					text(t, frame, link[2], 0)
					require.Regexp(t, `"options":"`+link[2]+`"\},"properties":\[\{"id":"custom.hidden","value":true`, string(config))
				case "field.labels":
					for _, field := range frame.Fields[1:] {
						require.Regexp(t, `^(10\.3\d\.\d+\.0|\$__all)$`, field.Labels[link[2]])
					}
				default:
					require.Fail(t, "a link leads to a label", "%s of %s: %s", p.Title, file, link[0])
				}
			}
		}
	}
}

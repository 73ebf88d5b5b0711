package main

import (
	"database/sql"
	"math"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// filled makes a database with known traffic in it.
func filled(t *testing.T) *sql.DB {
	t.Helper()
	return testkit.DatabaseLike(t, "known", func(pg *testkit.PG) { fill(t, pg, knownTraffic()) }).DB()
}

// fill has the sink's own import put traffic into a database.
func fill(t *testing.T, pg *testkit.PG, traffic known) {
	t.Helper()
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	for host, rows := range traffic {
		// In two parts that cut a report, as a slow pipe would.
		half := len(rows)/2 + 3
		for _, part := range [][]reportfile.Row{rows[:half], rows[half:]} {
			_, err := db.Import(t.Context(), host, part)
			require.NoError(t, err)
		}
	}
	require.NoError(t, db.SaveStatus(t.Context(), store.Status{Sink: "gw:/spool", Started: begin, SpoolFiles: 7}))
}

// ask runs a target of a panel and returns its frame.
func ask(t testing.TB, db *sql.DB, d *dashboard, v view, p *panel, target object) *data.Frame {
	t.Helper()
	text := v.sql(t, d, target["rawSql"].(string), v.interval(p))
	rows, err := db.Query(text)
	require.NoError(t, err, text)
	frame := frameOf(t, rows)
	if target["format"] == "time_series" {
		return wide(t, frame, p)
	}
	return frame
}

// asksPostgres reports whether a target is not for InfluxDB.
func asksPostgres(target object) bool { return target["rawSql"] != nil }

func TestPostgresPanels(t *testing.T) {
	t.Parallel()
	traffic := knownTraffic()
	db := filled(t)
	views := map[string]struct {
		view
		keep func(host string, row *reportfile.Row) bool
	}{
		"all of an hour":   {view{from: begin.Add(61 * time.Minute), to: begin.Add(121 * time.Minute)}, nil},
		"all of the range": {view{from: begin, to: end}, nil},
		"a quarter":        {view{from: begin.Add(31 * time.Minute), to: begin.Add(46 * time.Minute)}, nil},
		"crooked":          {view{from: begin.Add(17*time.Minute + 3*time.Second), to: end.Add(-22*time.Minute - 7*time.Second)}, nil},
		"sources": {
			view{begin, end, map[string][]string{"src": {"10.32.3.0", "10.32.4.0"}}},
			func(_ string, row *reportfile.Row) bool { return row.Src == "10.32.3.0" || row.Src == "10.32.4.0" },
		},
		"a destination": {
			view{begin, begin.Add(time.Hour), map[string][]string{"dst": {"10.33.1.0"}}},
			func(_ string, row *reportfile.Row) bool { return row.Dst == "10.33.1.0" },
		},
		"a pair": {
			view{begin, end, map[string][]string{"src": {"10.32.3.0"}, "dst": {"10.33.1.0"}}},
			func(_ string, row *reportfile.Row) bool { return row.Src == "10.32.3.0" && row.Dst == "10.33.1.0" },
		},
		"a port of a gateway": {
			view{begin, end, map[string][]string{"port": {"53"}, "proto": {"udp"}, "host": {"gw2"}}},
			func(host string, row *reportfile.Row) bool {
				return row.Port == 53 && row.Proto == "udp" && host == "gw2"
			},
		},
		"nothing at all": {
			view{begin, end, map[string][]string{"src": {"it's not there"}, "host": {"gw1"}}},
			func(string, *reportfile.Row) bool { return false },
		},
		"before everything": {view{from: begin.Add(-48 * time.Hour), to: begin.Add(-24 * time.Hour)}, nil},
	}
	for _, file := range files("postgres") {
		d := load(t, file)
		for name, v := range views {
			t.Run(file+"/"+name, func(t *testing.T) {
				t.Parallel()
				for _, p := range d.Panels {
					for _, target := range p.Targets {
						if !asksPostgres(target) {
							continue
						}
						frame := ask(t, db, d, v.view, p, target)
						check, found := expectations[p.Title]
						require.True(t, found, "nothing is expected of %q", p.Title)
						keep := v.keep
						if file == "postgres/connections.json" && v.chosen["host"] == nil {
							keep = nil // it has no other variables
						}
						if file == "postgres/connections.json" && v.chosen["host"] != nil {
							keep = func(host string, _ *reportfile.Row) bool { return host == v.chosen["host"][0] }
						}
						check(t, frame, question{traffic, v.view, keep, p})
					}
				}
			})
		}
	}
}

// question is what a panel asked of what.
type question struct {
	traffic known
	view
	keep  func(host string, row *reportfile.Row) bool
	panel *panel
}

// hosts are those that the view's reports are of.
func (q question) reports() known {
	if q.chosen["host"] == nil {
		return q.traffic
	}
	some := known{}
	for _, host := range q.chosen["host"] {
		some[host] = q.traffic[host]
	}
	return some
}

func requireClose(t testing.TB, want, got float64, args ...any) {
	t.Helper()
	if math.Abs(want-got) > 1e-9*math.Abs(want) {
		require.Equal(t, want, got, args...)
	}
}

package main

import (
	"database/sql"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

func TestPostgresPanels(t *testing.T) {
	t.Parallel()
	traffic := knownTraffic()
	db := filled(t)
	views := map[string]view{
		"all of an hour":      {from: begin.Add(61 * time.Minute), to: begin.Add(121 * time.Minute)},
		"all of the range":    {from: begin, to: end},
		"a quarter":           {from: begin.Add(31 * time.Minute), to: begin.Add(46 * time.Minute)},
		"crooked":             {from: begin.Add(17*time.Minute + 3*time.Second), to: end.Add(-22*time.Minute - 7*time.Second)},
		"sources":             {begin, end, map[string][]string{"src": {"10.32.3.0", "10.32.4.0"}}},
		"a destination":       {begin, begin.Add(time.Hour), map[string][]string{"dst": {"10.33.1.0"}}},
		"a pair":              {begin, end, map[string][]string{"src": {"10.32.3.0"}, "dst": {"10.33.1.0"}}},
		"a responder":         {begin, end, map[string][]string{"src": {"10.33.1.0"}}},
		"a port of a gateway": {begin, end, map[string][]string{"port": {"53"}, "proto": {"udp"}, "host": {"gw2"}}},
		"nothing at all":      {begin, end, map[string][]string{"src": {"it's not there"}, "host": {"gw1"}}},
		"before everything":   {from: begin.Add(-48 * time.Hour), to: begin.Add(-24 * time.Hour)},
	}
	for _, file := range files("postgres") {
		d := load(t, file)
		for name, v := range views {
			t.Run(file+"/"+name, func(t *testing.T) {
				t.Parallel()
				for _, p := range d.Panels {
					for _, target := range p.Targets {
						checkPostgres(t, db, d, question{traffic: traffic, view: v, panel: p}, target)
					}
				}
			})
		}
	}
}

// checkPostgres compares what a target of a panel gives with what is expected of it.
func checkPostgres(t *testing.T, db *sql.DB, d *dashboard, q question, target object) {
	t.Helper()
	frame := ask(t, db, d, q.view, q.panel, target)
	text := target["rawSql"].(string)
	check, found := expectations[q.panel.Title]
	require.True(t, found, "nothing is expected of %q", q.panel.Title)
	switch {
	case strings.Contains(text, "${capacity"), strings.Contains(text, "${style") && !strings.Contains(text, `'traffic' AND ${style:sqlstring} = 'stack'`):
		require.Zero(t, frame.Rows(), "nobody has chosen it")
		return
	case strings.Contains(text, "${before"):
		shift := q.to.Sub(q.from)
		q.view = view{q.from.Add(-shift), q.to.Add(-shift), q.chosen}
		for n, field := range frame.Fields {
			field.Name = strings.TrimSuffix(field.Name, " before")
			for row := 0; n == 0 && row < field.Len(); row++ {
				at := field.At(row).(*time.Time).Add(-shift)
				field.Set(row, &at)
			}
		}
	}
	q.keep = q.keeps(text)
	q.hourly = strings.Contains(text, "'src', dst => ") && q.chosen["src"] != nil && q.to.Sub(q.from) > time.Hour
	check(t, frame, q)
}

var filterUse = regexp.MustCompile(`(src|dst)(?: => ARRAY\[|" =~ /\^)\$\{(src|dst)`)

// keeps returns what a query leaves of all rows, by the variables that it uses.
func (v view) keeps(query string) func(host string, row *reportfile.Row) bool {
	use := map[string]string{"host": "host"}
	if strings.Contains(query, "${proto:") {
		use = map[string]string{"src": "src", "dst": "dst", "proto": "proto", "port": "port", "host": "host"}
	} else if f := filterUse.FindStringSubmatch(query); f != nil {
		use[f[1]] = f[2]
	}
	return func(host string, row *reportfile.Row) bool {
		values := map[string]string{"src": row.Src, "dst": row.Dst, "proto": row.Proto, "port": strconv.Itoa(int(row.Port)), "host": host}
		for column, variable := range use {
			if chosen := v.chosen[variable]; chosen != nil && !slices.Contains(chosen, values[column]) {
				return false
			}
		}
		return true
	}
}

// question is what a panel asked of what.
type question struct {
	traffic known
	view
	keep   func(host string, row *reportfile.Row) bool
	panel  *panel
	hourly bool // only sums of hours can answer
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

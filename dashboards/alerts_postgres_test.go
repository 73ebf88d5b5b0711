package main

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// usual is traffic that alarms nobody: two gateways that report every half minute for
// an hour, five sources of each with 2 Mb/s, as in the same hour of yesterday.
func usual(now time.Time) known {
	const rate = 250_000
	all := known{}
	yesterday := now.Add(-24 * time.Hour).Truncate(time.Hour).Add(30 * time.Minute)
	for s := range 10 {
		host := fmt.Sprintf("gw%d", 1+s/5)
		for n := range 120 {
			all.add(host, s, now.Add(-time.Duration(n)*30*time.Second), 30*rate)
		}
		all.add(host, s, yesterday, 3600*rate)
	}
	return all
}

func (all known) add(host string, source int, at time.Time, size int64) {
	all[host] = append(all[host], reportfile.Row{
		Time: at.UnixNano(), Proto: "tcp", Port: 443, Src: fmt.Sprintf("10.32.%d.0", source), Dst: "10.33.1.0",
		SrcPackets: 1, SrcBytes: size / 5, DstPackets: 1, DstBytes: size - size/5,
	})
}

// multiply makes more of the traffic of a source, or of all of a gateway, from a time on.
func (all known) multiply(host, source string, since time.Time, times int64) {
	for i := range all[host] {
		row := &all[host][i]
		if (source == "" || row.Src == source) && !time.Unix(0, row.Time).Before(since) {
			row.SrcBytes, row.DstBytes = times*row.SrcBytes, times*row.DstBytes
		}
	}
}

// without leaves out a gateway's reports of a time.
func (all known) without(host string, from, to time.Time) {
	all[host] = slices.DeleteFunc(all[host], func(row reportfile.Row) bool {
		at := time.Unix(0, row.Time)
		return !at.Before(from) && at.Before(to)
	})
}

// Each rule fires for what it is about, names it, and no other rule does.
func TestPostgresAlerts(t *testing.T) {
	t.Parallel()
	status := func(change string) func(*testing.T, *sql.DB) {
		return func(t *testing.T, db *sql.DB) {
			t.Helper()
			_, err := db.Exec(`UPDATE sink_status SET ` + change)
			require.NoError(t, err)
		}
	}
	traffic := func(change func(all known, now time.Time)) func(known, time.Time) { return change }
	cases := map[string]struct {
		traffic func(all known, now time.Time)
		status  func(*testing.T, *sql.DB)
		fires   string
	}{
		"quiet":           {},
		"silent-gateway":  {traffic: traffic(func(all known, now time.Time) { all.without("gw2", now.Add(-10*time.Minute), now.Add(time.Hour)) }), fires: "gw2"},
		"silent-sink":     {status: status(`updated = now() - interval '10 minutes'`), fires: "gw:/spool"},
		"waiting-reports": {status: status(`spool_oldest = now() - interval '20 minutes'`), fires: "gw:/spool"},
		"rejected":        {status: status(`rejected = 3`), fires: "gw:/spool"},
		"missing-reports": {traffic: func(all known, now time.Time) { all.without("gw2", now.Add(-40*time.Minute), now.Add(-35*time.Minute)) }, fires: "gw2"},
		"surge-source":    {traffic: func(all known, now time.Time) { all.multiply("gw1", "10.32.1.0", now.Add(-time.Hour), 8) }, fires: "10.32.1.0"},
		"surge-gateway":   {traffic: func(all known, now time.Time) { all.multiply("gw1", "", now.Add(-time.Hour), 4) }, fires: "gw1"},
		"share":           {traffic: func(all known, now time.Time) { all.multiply("gw1", "10.32.1.0", time.Time{}, 12) }, fires: "10.32.1.0"},
		"volume":          {traffic: func(all known, now time.Time) { all.add("gw1", 1, now.Add(-2*time.Hour), 2e12) }, fires: "10.32.1.0"},
		"scan":            {traffic: scanned, fires: "10.32.1.0"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now().UTC().Truncate(time.Second)
			all := usual(now)
			if c.traffic != nil {
				c.traffic(all, now)
			}
			db := reporting(t, all)
			if c.status != nil {
				c.status(t, db)
			}
			want := map[string][]string{}
			if c.fires != "" {
				want["conntrack-postgres-"+name] = []string{c.fires}
			}
			require.Equal(t, want, firingInPostgres(t, db, now))
		})
	}
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		db := filledWith(t, testkit.Database(t), nil)
		require.Equal(t, map[string][]string{
			"conntrack-postgres-silent-gateway": {"no gateway"},
			"conntrack-postgres-silent-sink":    {nothing},
		}, firingInPostgres(t, db, time.Now()))
	})
}

func scanned(all known, now time.Time) {
	for n := range 1500 {
		all["gw1"] = append(all["gw1"], reportfile.Row{
			Time: now.Add(-30 * time.Second).UnixNano(), Proto: "tcp", Port: 22, Src: "10.32.1.0", Dst: fmt.Sprintf("10.40.%d.%d", n/250, n%250), SrcPackets: 1, SrcBytes: 40,
		})
	}
}

// reporting has a sink that is well.
func reporting(t *testing.T, traffic known) *sql.DB {
	t.Helper()
	pg := testkit.Database(t)
	pool := filledWith(t, pg, traffic)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.SaveStatus(t.Context(), store.Status{Sink: "gw:/spool", Started: begin}))
	return pool
}

// firingInPostgres asks all rules, as they are at a time.
func firingInPostgres(t *testing.T, db *sql.DB, now time.Time) map[string][]string {
	t.Helper()
	return firing(t, "conntrack-accounting-postgres.yaml", now, func(v view, model object) []labelled {
		require.Equal(t, "table", model["format"])
		query := v.sql(t, &dashboard{}, model.text(), time.Minute)
		rows, err := db.Query(query)
		require.NoError(t, err, query)
		return numberTable(t, frameOf(t, rows))
	})
}

// numberTable reads a table as Grafana's expressions do: texts are labels of the only
// number of a row.
func numberTable(t *testing.T, frame *data.Frame) (numbers []labelled) {
	t.Helper()
	for row := range frame.Rows() {
		n := labelled{labels: map[string]string{}}
		for _, field := range frame.Fields {
			if field.Type() == data.FieldTypeNullableString {
				n.labels[field.Name] = text(t, frame, field.Name, row)
				continue
			}
			require.True(t, field.Type().Numeric())
			require.False(t, field.NilAt(row), "%s is null", field.Name)
			value, err := field.FloatAt(row)
			require.NoError(t, err)
			n.values = append(n.values, value)
		}
		require.Len(t, n.values, 1, "one number a row")
		numbers = append(numbers, n)
	}
	return numbers
}

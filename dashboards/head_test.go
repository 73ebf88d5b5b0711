package main

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestHeadPanels asks a head, whose shards have a gateway each, and a database with both
// gateways, all that the dashboards for Postgres and their alerts ask.
func TestHeadPanels(t *testing.T) {
	t.Parallel()
	const heard = `UPDATE sink_status SET updated = started`
	reference := filledWithNames(t)
	_, err := reference.Exec(heard)
	require.NoError(t, err)
	head := headOf(t, namedTraffic(), heard)
	views := []view{
		{from: begin, to: end},
		{from: begin.Add(17*time.Minute + 3*time.Second), to: end.Add(-22*time.Minute - 7*time.Second)},
		{begin, begin.Add(time.Hour), map[string][]string{"src": {"10.32.3.0", "10.32.4.0"}, "host": {"gw2"}}},
	}
	compare := func(d *dashboard, v view, title, query, order string, step time.Duration) {
		query = strings.ReplaceAll(v.sql(t, d, query, step), "now()", "'"+end.Format(time.RFC3339)+"'::timestamptz")
		if strings.Contains(query, "vpn_traffic_sizes") { // those of three databases
			require.Positive(t, scalar[int](t, head, `SELECT count(*) FROM (`+query+`) AS a`), title)
			return
		}
		query = `SELECT coalesce(jsonb_agg(a` + order + `), '[]')::text FROM (` + query + `) AS a`
		require.Equal(t, scalar[string](t, reference, query), scalar[string](t, head, query), "%s\n%s", title, query)
	}
	for _, rule := range rulesOf(t, "conntrack-accounting-postgres.yaml") {
		compare(&dashboard{}, view{from: end.Add(-time.Hour), to: end}, rule.Title, rule.Data[0].Model.text(), "", time.Minute)
	}
	for _, file := range files("postgres") {
		d := load(t, file)
		for _, v := range views {
			for _, p := range d.Panels {
				for _, target := range p.Targets {
					compare(d, v, p.Title, target["rawSql"].(string), "", v.interval(p))
				}
			}
			for _, a := range d.Annotations.List {
				compare(d, v, a.Name, a.Target["rawSql"].(string), " ORDER BY a::text", time.Minute)
			}
			for _, variable := range d.Templating.List {
				if variable.Type == "query" {
					compare(d, v, variable.Name, variable.Query.(string), "", time.Minute)
				}
			}
		}
	}
}

// headOf makes a head with a shard for each gateway, and one without any.
func headOf(t *testing.T, traffic known, statements ...string) *sql.DB {
	t.Helper()
	head := testkit.Database(t)
	db, err := store.Open(head.DSN())
	require.NoError(t, err)
	require.NoError(t, db.InstallHead(t.Context()))
	require.NoError(t, db.Close())
	for _, host := range []string{"gw1", "gw2", ""} {
		shard := testkit.Database(t)
		filledWith(t, shard, known{})
		if rows := traffic[host]; rows != nil {
			fill(t, shard, known{host: rows})
		}
		if host != "gw1" {
			shard.Exec(`DELETE FROM sink_status`)
		}
		shard.Exec(statements...)
		head.AddShard("shard "+host, shard)
	}
	return head.DB()
}

package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Whoever has stolen the writer's role can change sums and make up reports. The owner
// makes all of it again from the rows, which the thief could not touch.
func TestTheOwnerUndoesAThief(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	pg.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "roles.sql"))
	writer := "dbname=vpn user=vpn_traffic_writer host=" + pg.Dir()
	p := build(t, writer)
	owner := "dbname=vpn user=postgres role=vpn_traffic_owner host=" + pg.Dir()
	p.run(0, "migrate", "-dsn", owner)
	i := newImportTest(t, writer)
	i.ok("-host", "gw", i.file("a.csv", reportLines(0, 20)+reportLines(4, 20)))
	state := func() string {
		var text strings.Builder
		for _, table := range []string{"by_src", "by_port", "minute_by_src", "minute_by_dst", "hour_by_src", "hour_by_pair", "reports", "minute_reports", "hour_reports"} {
			text.WriteString(i.query(`SELECT coalesce(string_agg(r::text, E'\n' ORDER BY r::text), '') FROM vpn_traffic_`+table+` AS r`) + "\n")
		}
		return text.String()
	}
	want := state()

	thief, err := sql.Open("postgres", writer)
	require.NoError(t, err)
	defer func() { require.NoError(t, thief.Close()) }()
	for _, statement := range []string{
		`UPDATE vpn_traffic_hour_by_pair SET src_bytes = 0`,
		`UPDATE vpn_traffic_minute_by_src SET src_bytes = src_bytes * 2`,
		`UPDATE vpn_traffic_hour_reports SET reports = 9`,
		`INSERT INTO vpn_traffic_reports (host, time) SELECT 'gw', min(time) + interval '1 second' FROM vpn_traffic_reports`,
		`INSERT INTO vpn_traffic_by_port SELECT * FROM vpn_traffic_by_port`,
		`INSERT INTO vpn_traffic_hour_by_src SELECT (jsonb_populate_record(r, '{"src": "10.99.0.0"}')).* FROM vpn_traffic_hour_by_src AS r LIMIT 1`,
	} {
		_, err := thief.Exec(statement)
		require.NoError(t, err, statement)
	}
	for _, statement := range []string{`DELETE FROM vpn_traffic`, `UPDATE vpn_traffic SET src_bytes = 0`, `TRUNCATE vpn_traffic_hour_by_src`, `UPDATE vpn_traffic_by_src SET src_bytes = 0`} {
		_, err := thief.Exec(statement)
		require.ErrorContains(t, err, "permission denied", statement)
	}

	out, code := p.output("verify", "-dsn", owner, "-repair")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the rows of 1 known reports are gone, and their sums stay")
	require.NotEqual(t, want, state())
	out, code = p.output("verify", "-dsn", owner, "-lost")
	require.Equal(t, exitUsage, code, out)
	out, code = p.output("verify", "-dsn", owner, "-repair", "-lost")
	require.Zero(t, code, out)
	require.Equal(t, want, state())
}

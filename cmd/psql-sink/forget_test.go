package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// What is forgotten and imported again is there once, and nothing else changes.
func TestForget(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	i := newImportTest(t, pg.DSN())
	var text strings.Builder
	for n := range 40 {
		text.WriteString(reportLines(n*400, 20)) // 100 minutes apart: three days
	}
	file := i.file("a.csv", text.String())
	other := i.file("b.csv", reportLines(0, 20))
	imports := func(host, file string) {
		t.Helper()
		code, stdout, stderr := i.run("", "-host", host, file) // which warns of a host that is new
		require.Zero(t, code, stdout+stderr)
	}
	imports("gw", file)
	imports("other", other)
	const all = `SELECT concat_ws(' ', (SELECT concat(count(*), ' ', sum(src_bytes)) FROM vpn_traffic), (SELECT sum(src_bytes) FROM vpn_traffic_hour_by_pair),
		(SELECT sum(src_bytes) FROM vpn_traffic_minute_by_src), (SELECT sum(reports) FROM vpn_traffic_hour_reports), (SELECT count(*) FROM vpn_traffic_reports),
		(SELECT string_agg(concat(kind, value, first_day, last_day), ',' ORDER BY kind, value) FROM vpn_traffic_values))`
	want := i.query(all)

	out, code := p.output("forget", "-day", "2023-11-15")
	require.Zero(t, code, out)
	require.Regexp(t, `^2023-11-15: \d+ reports of 1 hosts\n1 days would be forgotten: .*; -yes does it\n$`, out)
	require.Equal(t, want, i.query(all), "nothing is done yet")
	for _, args := range [][]string{{"-day", "2023-11-15", "-yes"}, {"-day", "2023-11-01", "-to", "2023-11-30", "-host", "gw", "-yes"}, {"-host", "gw", "-yes"}} {
		out, code = p.output(append([]string{"forget"}, args...)...)
		require.Zero(t, code, out)
		i.requireRollups()
		require.Equal(t, "20", i.query(`SELECT count(*) FROM vpn_traffic WHERE host = 'other'`))
		require.NotEqual(t, want, i.query(all))
		imports("gw", file)
		require.Equal(t, want, i.query(all))
		i.requireRollups()
	}

	// By hand, it is verify that tells.
	_, err := i.db.Exec(`DROP TABLE vpn_traffic_20231115; DELETE FROM vpn_traffic WHERE time < '2023-11-15Z' AND host = 'other'`)
	require.NoError(t, err)
	out, code = p.output("verify")
	require.Equal(t, 1, code)
	require.Contains(t, out, "2023-11-14 vpn_traffic: the rows of 1 known reports are gone, and their sums stay; make psql-sink forget -day 2023-11-14 and import it again, or verify -repair -lost\n")
	require.Regexp(t, `2023-11-15 vpn_traffic: the rows of \d+ known reports are gone`, out)
	const sums = `SELECT concat_ws(' ', (SELECT sum(src_bytes) FROM vpn_traffic_hour_by_pair), (SELECT sum(src_bytes) FROM vpn_traffic_minute_by_src))`
	left := i.query(sums)
	_, code = p.output("verify", "-repair")
	require.Equal(t, 1, code)
	require.Equal(t, left, i.query(sums), "a repair does not take the sums away that are all there is")
	out, code = p.output("forget", "-day", "2023-11-14", "-to", "2023-11-15", "-yes")
	require.Zero(t, code, out)
	imports("gw", file)
	imports("other", other)
	require.Equal(t, want, i.query(all))
	out, code = p.output("verify")
	require.Zero(t, code, out)

	// What retention has dropped can come again, too.
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Retain(t.Context(), time.Now(), schema.Retention{Raw: 24 * time.Hour})
	require.NoError(t, err)
	code, stdout, _ := i.run("", "-host", "gw", file)
	require.Equal(t, exitPast, code, stdout)
	out, code = p.output("forget", "-day", "2023-11-01", "-to", "2023-11-30", "-yes")
	require.Zero(t, code, out)
	require.Equal(t, "0", i.query(`SELECT count(*) FROM vpn_traffic_gone`))
	imports("gw", file)
	imports("other", other)
	require.Equal(t, want, i.query(all))

	out, code = p.output("forget")
	require.Equal(t, 2, code)
	require.Contains(t, out, "E! say what to forget: -day, -host, -address")
}

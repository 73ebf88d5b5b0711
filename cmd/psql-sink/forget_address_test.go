package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// A customer who is forgotten is in no table any more, at neither end, under no name,
// and all others have what they had.
func TestForgetAddresses(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	i := newImportTest(t, pg.DSN())
	const day = 86400
	start := time.Now().Unix()/day*day - 6*day
	row := func(at int64, src, dst string, bytes int) string {
		return fmt.Sprintf("%d000000000,tcp,%s,%s,443,0,0,%d,1,1,5,1,Name of %s,\n", at, src, dst, bytes, src)
	}
	var all, others strings.Builder
	for n := range int64(18) { // three days, every four hours
		at := start + n*4*3600
		for _, customer := range []string{row(at, "10.77.1.0", "192.0.2.0", 100), row(at, "10.32.1.0", "10.77.1.9", 200), row(at, "2001:db8:77::1", "10.77.1.0/25", 300)} {
			all.WriteString(customer)
		}
		rest := row(at, "10.32.1.0", "192.0.2.0", 1000) + row(at, "10.77.2.0", "2001:db8:78::", 2000) + row(at, "10.77.0.0/16", "192.0.2.0", 3000)
		all.WriteString(rest)
		others.WriteString(rest)
	}
	all.WriteString(row(start+60, "10.77.1.0", "192.0.2.0", 1)) // a report of the customer's alone
	i.ok("-host", "gw", i.file("all.csv", all.String()))
	const byHand = `INSERT INTO vpn_traffic_name_history VALUES ('dst', '10.77.1.77', 'gw', '-infinity', 'by hand') ON CONFLICT DO NOTHING`
	pg.Exec(byHand)

	out, code := p.output("forget", "-address", "10.77.1.0/24,2001:db8:77::/48")
	require.Zero(t, code, out)
	span := fmt.Sprintf(": from %s to %s\n", time.Unix(start, 0).UTC().Format(time.DateOnly), time.Unix(start+2*day, 0).UTC().Format(time.DateOnly))
	require.Equal(t, "10.77.0.0/16 holds others, too, and stays\n10.77.1.0"+span+"10.77.1.0/25"+span+"10.77.1.77: no traffic, a name\n10.77.1.9"+span+"2001:db8:77::1"+span+
		"5 addresses would be forgotten: rows, sums and names; -yes does it\n", out)
	require.Equal(t, "109", i.query(`SELECT count(*) FROM vpn_traffic`), "nothing is done yet")

	// The rows of the first day are dropped before: its sums are all that there is.
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Retain(t.Context(), time.Now(), schema.Retention{Raw: 5 * 24 * time.Hour})
	require.NoError(t, err)
	require.Equal(t, "72", i.query(`SELECT count(*) FROM vpn_traffic`))
	found, err := db.Verify(t.Context(), time.Unix(start, 0).UTC(), true)
	require.NoError(t, err)
	pg.Exec(byHand) // which went, as a name of no row
	require.Empty(t, found, "who has listed the day before does not take its sums away")

	out, code = p.output("forget", "-address", "10.77.1.0/24,2001:db8:77::/48", "-yes")
	require.Zero(t, code, out)
	require.Contains(t, out, "\n5 addresses are forgotten\n")
	for _, table := range []string{
		"vpn_traffic", "vpn_traffic_by_src", "vpn_traffic_by_dst", "vpn_traffic_minute_by_src", "vpn_traffic_minute_by_dst",
		"vpn_traffic_hour_by_src", "vpn_traffic_hour_by_dst", "vpn_traffic_hour_by_pair", "vpn_traffic_values", "vpn_traffic_name_history",
	} {
		require.Equal(t, "0", i.query(`SELECT count(*) FROM `+table+` AS r WHERE r::text ~ '10\.77\.1\.|2001:db8:77'`), table)
	}
	out, code = p.output("verify")
	require.Zero(t, code, out)
	require.Contains(t, out, " longer sums verified, 0 differences\n")

	// It is as if the others alone had been imported, but for what only sums have.
	state := func() string {
		var text strings.Builder
		for _, table := range []string{"vpn_traffic_by_port", "vpn_traffic_minute_by_port", "vpn_traffic_hour_by_port", "vpn_traffic_minute_by_dst", "vpn_traffic_hour_by_pair", "vpn_traffic_reports", "vpn_traffic_hour_reports"} {
			text.WriteString(table + "\n" + i.query(`SELECT coalesce(string_agg(r::text, E'\n' ORDER BY r::text), '') FROM `+table+` AS r WHERE time >= to_timestamp(`+fmt.Sprint(start+day)+`)`) + "\n")
		}
		return text.String()
	}
	have := state()
	require.Equal(t, "36000", i.query(fmt.Sprintf(`SELECT sum(src_bytes) - 6 * 600 - 1 FROM vpn_traffic_hour_by_port WHERE time < to_timestamp(%d)`, start+day)))
	pg.Exec(`DROP SCHEMA public CASCADE`, `CREATE SCHEMA public`)
	i.ok("-host", "gw", i.file("others.csv", others.String()))
	require.Equal(t, state(), have)

	out, code = p.output("forget", "-address", "10.77.1")
	require.Equal(t, 2, code)
	require.Contains(t, out, `"10.77.1" is neither an address nor a prefix`)
	out, code = p.output("forget", "-address", "10.99.0.0/16", "-yes")
	require.Zero(t, code, out)
	require.Equal(t, "0 addresses would be forgotten: rows, sums and names; -yes does it\n", out)
}

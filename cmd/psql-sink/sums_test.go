package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Two rows can be fine each, and too much for one sum of the two: one of them is
// set aside with the reason, the others of its report are stored, and nothing is
// ever wrapped.
func TestTooMuchForASum(t *testing.T) {
	const top = "9223372036854775807"
	line := func(src, value string) string {
		return fmt.Sprintf("traffic,host=gw,src=%[1]s,dst=2001:db8:2::,proto=ipv6-icmp,port=443 "+
			"src_packets=%[2]s,src_bytes=%[2]s,dst_packets=%[2]s,dst_bytes=%[2]s 1700000000000000000\n", src, value)
	}
	pg := testkit.Postgres(t)
	p := build(t, pg.DSN())
	sink := p.start(strings.NewReader(line("2001:db8:1::", top+"i") + line("2001:db8:4::", top+"i") + line("2001:db8:5::", "0i")))
	require.NoError(t, sink.Wait())
	p.finish()

	db := pg.DB()
	var stored, group string
	require.NoError(t, db.QueryRow(`SELECT string_agg(src || ' ' || src_bytes, ', ' ORDER BY src) FROM vpn_traffic`).Scan(&stored))
	require.Equal(t, "2001:db8:1:: "+top+", 2001:db8:5:: 0", stored)
	testkit.RequireExact(t, db)
	require.NoError(t, db.QueryRow(`SELECT set_masklen(src::inet, 48)::text FROM vpn_traffic WHERE src_bytes = 0`).Scan(&group))
	require.Equal(t, "2001:db8:5::/48", group, "a group can be computed with")

	require.Regexp(t, `refused by the database: .*(out of range|does not fit 64 bits).*\n1700000000000000000,ipv6-icmp,2001:db8:4::,2001:db8:2::,443,`+top, p.rejected())
	require.Contains(t, p.log.String(), "imported 2 rows")
}

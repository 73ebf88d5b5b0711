package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// The most that a row can have is stored, and summed up as it is; what is more is
// set aside with the reason, and the others of its report are stored.
func TestTooMuchForARow(t *testing.T) {
	t.Parallel()
	line := func(src string, bytes uint64) string {
		return fmt.Sprintf("traffic,host=gw,src=%s,dst=2001:db8:2::,proto=ipv6-icmp,port=443 "+
			"src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=%[2]di 1700000000000000000\n", src, bytes)
	}
	const top = 1 << 53
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	sink := p.start(strings.NewReader(line("2001:db8:1::", top) + line("2001:db8:3::", top) + line("2001:db8:4::", top+1) + line("2001:db8:5::", 0)))
	require.NoError(t, sink.Wait())
	p.finish()

	db := pg.DB()
	var stored, sum, group string
	require.NoError(t, db.QueryRow(`SELECT string_agg(src || ' ' || src_bytes, ', ' ORDER BY src) FROM vpn_traffic`).Scan(&stored))
	require.Equal(t, "2001:db8:1:: 9007199254740992, 2001:db8:3:: 9007199254740992, 2001:db8:5:: 0", stored)
	testkit.RequireExact(t, db)
	require.NoError(t, db.QueryRow(`SELECT sum(src_bytes) FROM vpn_traffic_hour_by_port`).Scan(&sum))
	require.Equal(t, "18014398509481984", sum)
	require.NoError(t, db.QueryRow(`SELECT set_masklen(src::inet, 48)::text FROM vpn_traffic WHERE src_bytes = 0`).Scan(&group))
	require.Equal(t, "2001:db8:5::/48", group, "a group can be computed with")

	require.Contains(t, p.rejected(), "src_bytes is more than 2^53")
	require.Contains(t, p.rejected(), "2001:db8:4::")
	require.Contains(t, p.log.String(), "imported 3 rows")
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Every field at its extreme, from line protocol to the table; what does not fit
// is set aside with the reason, and nothing is ever wrapped.
func TestExtremes(t *testing.T) {
	const top, topGauge = "9223372036854775807", "2147483647"
	fields := func(value string) string {
		var list []string
		for _, name := range []string{
			"src_packets", "src_bytes", "dst_packets", "dst_bytes", "connection_times", "connection_count",
		} {
			list = append(list, name+"="+value)
		}
		list = append(list, "open_connections="+strings.Replace(value, top, topGauge, 1))
		return strings.Join(list, ",")
	}
	line := func(src, dst, port, fields, at string) string {
		return fmt.Sprintf("traffic,host=gw,src=%s,dst=%s,proto=ipv6-icmp,port=%s %s %s\n", src, dst, port, fields, at)
	}
	pg := testkit.Postgres(t)
	p := build(t, pg.DSN())
	sink := p.start(strings.NewReader(strings.Join([]string{
		line("2001:db8:1::", "2001:db8:2::", "-1", fields(top+"i"), top),
		line("2001:db8:1::", "2001:db8:2::", "65535", fields("0i"), "-9223372036854775808"),
		line("2001:db8:1::", "2001:db8:3::", "0", fields(top+"u"), "0"),
		// Two rows that are fine each, and too much for one sum.
		line("2001:db8:1::", "2001:db8:2::", "443", fields(top+"i"), "1700000000000000000"),
		line("2001:db8:4::", "2001:db8:2::", "443", fields(top+"i"), "1700000000000000000"),
		// In one report with these, and not their fault.
		line("2001:db8:5::", "2001:db8:6::", "80", fields("1i"), "1700000000000000000"),
		line("a", "b", "1", fields("9223372036854775808u"), "1"),
		line("c", "d", "1", fields("18446744073709551615u"), "1"),
		line("e", "f", "1", fields("9223372036854775808i"), "1"), // no line protocol at all
		line("g", "h", "1", fields("-1i"), "1"),
		line("i", "j", "1", strings.Replace(fields("0i"), "open_connections=0", "open_connections=2147483648", 1), "1"),
	}, "")))
	require.NoError(t, sink.Wait())
	p.finish()

	db := pg.DB()
	var stored string
	require.NoError(t, db.QueryRow(`SELECT string_agg(concat_ws(' ', to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), src, dst, proto, port,
		src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections, host), E'\n' ORDER BY time, src)
		FROM vpn_traffic`).Scan(&stored))
	all := func(value string) string {
		return strings.Repeat(value+" ", 6) + strings.Replace(value, top, topGauge, 1) + " gw"
	}
	require.Equal(t, strings.Join([]string{
		"1677-09-21 00:12:43.145224 2001:db8:1:: 2001:db8:2:: ipv6-icmp 65535 " + all("0"),
		"1970-01-01 00:00:00.000000 2001:db8:1:: 2001:db8:3:: ipv6-icmp 0 " + all(top),
		"2023-11-14 22:13:20.000000 2001:db8:1:: 2001:db8:2:: ipv6-icmp 443 " + all(top),
		"2023-11-14 22:13:20.000000 2001:db8:5:: 2001:db8:6:: ipv6-icmp 80 " + all("1"),
		"2262-04-11 23:47:16.854776 2001:db8:1:: 2001:db8:2:: ipv6-icmp -1 " + all(top),
	}, "\n"), stored)
	testkit.RequireExact(t, db)
	var group string
	require.NoError(t, db.QueryRow(`SELECT DISTINCT set_masklen(src::inet, 48)::text FROM vpn_traffic WHERE port = 80`).Scan(&group))
	require.Equal(t, "2001:db8:5::/48", group, "a group can be computed with")

	rejected := p.rejected()
	require.Contains(t, rejected, "# field src_packets does not fit 64 bits with a sign\n")
	require.Equal(t, 2, strings.Count(rejected, "does not fit 64 bits with a sign\n"))
	require.Contains(t, rejected, "# src_packets is negative\n")
	require.Contains(t, rejected, "# open_connections does not fit 32 bits with a sign")
	require.Regexp(t, `refused by the database: .*(out of range|does not fit 64 bits).*\n1700000000000000000,ipv6-icmp,2001:db8:4::,2001:db8:2::,443,`+top, rejected)
	require.Contains(t, rejected, "# no line protocol: at column ")
	log := p.log.String()
	require.Contains(t, log, "W! rejected 5 of 11 metrics (field src_packets does not fit 64 bits with a sign: 2, no line protocol: 1, ")
	require.Contains(t, log, "E! rejected line 9: ")
	require.Contains(t, log, "imported 5 rows")
	t.Logf("rejected/ holds:\n%s", rejected)
}

// rejected returns all that is in the spool's rejected/.
func (p *program) rejected() string {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.spool, "rejected", "*"))
	require.NoError(p.t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(p.t, err)
		all.Write(text)
	}
	return all.String()
}

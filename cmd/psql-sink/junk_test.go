package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Text on stdin that is no line protocol takes no row with it, and each line of
// it is counted wherever rejected metrics are.
func TestJunkIsCounted(t *testing.T) {
	t.Parallel()
	const fields = "src_packets=1i,src_bytes=2i,dst_packets=3i,dst_bytes=4i"
	var stdin strings.Builder
	good := func(port int) {
		fmt.Fprintf(&stdin, "traffic,host=gw,src=10.0.1.0,dst=10.0.2.0,proto=tcp,port=%d %s %d\n", port, fields, epoch)
	}
	const junk = 15 // of which the host logs ten
	for n := range junk {
		good(n)
		stdin.WriteString("Segmentation \x00fault\n")
	}
	fmt.Fprintf(&stdin, "cpu %s %d\n", fields, epoch)
	stdin.WriteString(strings.Repeat("x", 100_000) + "\n")
	good(junk)
	stdin.WriteString("traffic,host=gw,src=10.0.1.0") // cut off by the end

	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	p.configure("dsn = %q\n  close_timeout = \"1m\"", pg.DSN()) // on a busy machine, too, it imports before it ends
	require.NoError(t, p.start(strings.NewReader(stdin.String())).Wait())
	p.finish()

	db := pg.DB()
	var stored string
	require.NoError(t, db.QueryRow(`SELECT concat_ws(' ', count(*), sum(src_bytes)) FROM vpn_traffic`).Scan(&stored))
	require.Equal(t, fmt.Sprintf("%d %d", junk+1, 2*(junk+1)), stored)
	testkit.RequireExact(t, db)

	rejected := p.rejected()
	require.Equal(t, junk, strings.Count(rejected, "# no line protocol: at column 14: "), rejected)
	require.Equal(t, junk, strings.Count(rejected, "\n\"Segmentation \\x00fault\"\n"), rejected)
	require.Contains(t, rejected, "# no line protocol: cut off by the end of stdin\n\"traffic,host=gw,src=10.0.1.0\"\n")
	require.Contains(t, rejected, "\n\""+strings.Repeat("x", 1024)+"\"\n", "its beginning")
	require.Contains(t, rejected, "# foreign measurement \"cpu\"\n")

	const all = junk + 3
	require.Contains(t, p.log.String(), fmt.Sprintf(`W! rejected %d of %d metrics (no line protocol: %d, foreign measurement "cpu": 1): see %s/rejected/metrics-`,
		all, all+junk+1, all-1, p.spool))
	require.Contains(t, p.log.String(), fmt.Sprintf("imported %d rows from 1 reports, 0 duplicates, %d rejected in this run", junk+1, all))
	var counted int
	require.NoError(t, db.QueryRow(`SELECT rejected FROM sink_status`).Scan(&counted))
	require.Equal(t, all, counted)
}

// Where nothing but junk comes, the operator sees that, too.
func TestNothingButJunk(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	require.NoError(t, p.start(strings.NewReader("junk\n")).Wait())
	require.Contains(t, p.log.String(), "W! rejected 1 of 1 metrics (no line protocol: 1): see ")
	require.Contains(t, p.log.String(), "0 duplicates, 1 rejected in this run")
	require.Contains(t, p.rejected(), "\n\"junk\"\n")
	var counted int
	require.NoError(t, pg.DB().QueryRow(`SELECT rejected FROM sink_status`).Scan(&counted))
	require.Equal(t, 1, counted)
}

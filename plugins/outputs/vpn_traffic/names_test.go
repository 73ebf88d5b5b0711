package vpn_traffic

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"
)

// storedNames is the log of names, in minutes since noon.
const storedNames = `SELECT coalesce(string_agg(concat_ws(' ', host, kind, address, extract(epoch FROM since - '2023-11-14 12:00Z')::integer / 60, name), '; '
	ORDER BY host, kind DESC, address, since), '') FROM vpn_traffic_name_history`

func named(host string, minute int, src, dst string) telegraf.Metric {
	m := traffic(map[string]string{"host": host, "src_name": src, "dst_name": dst}, nil)
	m.SetTime(noon.Add(time.Duration(minute) * time.Minute))
	return m
}

// Names come from tags through the spool, and from files, also of twelve columns;
// a metric is never lost for its name; what comes twice changes nothing.
func testNames(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir()).open()
	for range 2 {
		s.write(named("gw1", 0, "Campus, \"east\"", "Web"), named("gw1", 5, "Campus, \"east\"", ""), named("gw1", 10, "Annex", "Web"))
		s.write(named("gw2", 3, "Elsewhere", ""), named("gw2", 4, "bad\x01name\\", "\xff"), named("gw2", 5, strings.Repeat("x", 300), ""))
		s.drained()
	}
	const gw1 = `gw1 src 10.32.1.0 0 Campus, "east"; gw1 src 10.32.1.0 10 Annex; gw1 dst 10.33.0.0 0 Web; `
	gw2 := `gw2 src 10.32.1.0 3 Elsewhere; gw2 src 10.32.1.0 4 bad name\; gw2 src 10.32.1.0 5 ` + strings.Repeat("x", 255) + "; gw2 dst 10.33.0.0 4 \ufffd"
	require.Equal(t, gw1+gw2, query(t, db, storedNames))
	require.Equal(t, "6, 6", query(t, db, exact))

	const at = "1699963260000000000" // a minute past noon
	for range 2 {
		s.drop("old.csv", at+",tcp,10.40.1.0,10.41.0.0,443,1,3,2,4,5,6,7\n"+
			at+",tcp,10.40.1.0,10.41.0.0,80,1,3,2,4,5,6,,\"Team \"\"one\"\"\",\n"+
			at+",udp,10.40.1.0,10.41.0.0,53,1,3,2,4,5,6\n")
		s.drained()
	}
	s.close()
	require.Equal(t, ` src 10.40.1.0 1 Team "one"; `+gw1+gw2, query(t, db, storedNames))
	require.Equal(t, "9, 9", query(t, db, exact))
	require.Equal(t, "2", query(t, db, `SELECT count(*) FROM vpn_traffic WHERE src = '10.40.1.0' AND open_connections IS NULL`))
	require.Empty(t, s.files("rejected"))
	for _, ask := range []struct{ host, from, until, want string }{
		{"gw1", "12:00Z", "12:08Z", `Campus, "east" (10.32.1.0)`},
		{"gw1", "12:00Z", "12:11Z", "Annex (10.32.1.0)"},
		{"gw2", "12:00Z", "12:04Z", "Elsewhere (10.32.1.0)"},
	} {
		require.Equal(t, ask.want, query(t, db, `SELECT name FROM vpn_traffic_totals($1, $2, 'src', host => ARRAY[$3])`,
			"2023-11-14 "+ask.from, "2023-11-14 "+ask.until, ask.host))
	}
}

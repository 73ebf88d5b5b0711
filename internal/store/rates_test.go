package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Traffic that never changes is as much as before, whatever sums it is read from, and
// whether or not the range begins and ends with an hour.
func TestRatesOfSteadyTraffic(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	const pace = 15 * time.Second
	var rows []reportfile.Row
	for at := noon; at.Before(noon.Add(4 * time.Hour)); at = at.Add(pace) {
		rows = append(rows, reportfile.Row{Time: at.UnixNano(), Src: "10.32.1.0", Dst: "10.33.1.0", Proto: "tcp", Port: 443, SrcBytes: 1500})
	}
	mustImport(t, db, "gw", rows)
	for _, by := range []string{"src", "dst", "pair", "service", "host"} {
		for _, of := range []struct{ since, until, recent time.Duration }{
			{0, 4 * time.Hour, 5 * time.Minute},
			{20 * time.Minute, 2*time.Hour + 50*time.Minute, 5 * time.Minute},
			{55 * time.Minute, 3*time.Hour + 5*time.Minute, 20 * time.Minute},
			{50 * time.Minute, 4 * time.Hour, time.Hour},
			{30 * time.Minute, 42 * time.Minute, 2 * time.Minute}, // of rows
		} {
			var rate, before float64
			require.NoError(t, direct.QueryRow(`SELECT rate, before FROM vpn_traffic_rates($1, $2, make_interval(secs => $3), $4)`,
				noon.Add(of.since), noon.Add(of.until), of.recent.Seconds(), by).Scan(&rate, &before))
			require.InEpsilon(t, 100, rate, 0.15, "by %s: %+v", by, of) // a part has a report more or less than fits
			require.InEpsilon(t, 100, before, 0.15, "by %s: %+v", by, of)
		}
	}
}

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is marked in charts: what somebody noted, a gateway's silence, a sink's start and
// a new name, each with its end where it has one.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	db := filledWithNames(t)
	_, err := db.Exec(`INSERT INTO vpn_traffic_events (time, until, title, text, tags, host) VALUES ($1, $2, 'Flood', 'of SYNs', '{attack, tcp}', 'gw1'), ($3, NULL, 'Later', '', '{}', NULL)`,
		begin.Add(-time.Hour), begin.Add(time.Minute), end.Add(time.Hour))
	require.NoError(t, err)
	want := map[string][2]string{
		"Events": {"Flood (gw1)", "attack,tcp"}, "Outages": {"No reports of gw2", "outage"},
		"Starts of sinks": {"psql-sink started", "start"}, "New names": {`10.32.11.0 is called R&D, "2nd" floor`, "name"},
	}
	d := load(t, "postgres/connections.json")
	v := view{from: begin, to: end.Add(-pace)}
	require.Len(t, d.Annotations.List, len(want))
	for _, a := range d.Annotations.List {
		rows, err := db.Query(v.sql(t, d, a.Target["rawSql"].(string), time.Minute))
		require.NoError(t, err, a.Name)
		frame := frameOf(t, rows)
		require.Positive(t, frame.Rows(), a.Name)
		require.Equal(t, want[a.Name][0], text(t, frame, "title", 0))
		require.Equal(t, want[a.Name][1], text(t, frame, "tags", 0))
		if a.Name == "Outages" {
			require.Equal(t, 1, frame.Rows())
			require.Equal(t, begin.Add(quietAfter-pace), frame.At(0, 0).(*time.Time).UTC())
			require.Equal(t, begin.Add(quietAfter+10*time.Minute), frame.At(1, 0).(*time.Time).UTC())
		}
	}
}

package main

import (
	_ "embed"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

//go:embed testdata/look.sql
var lookSQL string

// A gateway's traffic in a set of data.
type lookTraffic struct {
	gateway                      string
	from, to                     time.Time
	sources, destinations, peers int
	steady                       bool
	pace                         time.Duration // of reports
}

// lookSets fills the databases that are looked at:
//
//   - day: 39 sources and 40 destinations, with an outage of 20 minutes
//   - hours: the same for seven hours, in InfluxDB, too
//   - event: 232 and 237, for two hours
//   - dead: two gateways with the same traffic in every report, one of which has been
//     silent for long
//   - empty: nothing at all
func lookSets(t *testing.T) map[string]*lookSet {
	t.Helper()
	now := time.Now().UTC().Truncate(15 * time.Second)
	hours := func(n int) time.Time { return now.Truncate(time.Hour).Add(time.Duration(-n) * time.Hour) }
	down, up := now.Add(-380*time.Minute), now.Add(-6*time.Hour)
	outage := [2]time.Time{down, up}
	sets := []*lookSet{
		{name: "day", from: now.Add(-24 * time.Hour), outage: outage},
		{name: "hours", from: now.Add(-7*time.Hour - 17*time.Second), outage: outage},
		{name: "event", from: now.Add(-2 * time.Hour)},
		{name: "dead", from: now.Add(-2*time.Hour - 37*time.Second)},
		{name: "empty", from: now.Add(-6 * time.Hour)},
	}
	const slow, normal = time.Minute, 15 * time.Second
	traffic := map[string][]lookTraffic{
		"day":   {{"gw1", hours(25), down, 39, 40, 1, false, slow}, {"gw1", up, now, 39, 40, 1, false, slow}},
		"hours": {{"gw1", hours(8), down, 39, 40, 1, false, slow}, {"gw1", up, now, 39, 40, 1, false, slow}},
		"event": {{"gw1", hours(3), now, 232, 237, 1, false, slow}},
		"dead":  {{"gw1", hours(3), now, 12, 7, 2, true, normal}, {"gw2", hours(27), hours(26), 12, 7, 2, true, normal}},
	}
	byName := map[string]*lookSet{}
	for _, set := range sets {
		pg := testkit.Database(t)
		fillLook(t, pg, now, traffic[set.name])
		set.postgres, set.to = pg.DB(), now.Add(-11*time.Second) // on no step
		byName[set.name] = set
		switch set.name {
		case "hours":
			set.influxdb = lookInfluxdb(t, pg, now, outage)
		case "empty":
			set.influxdb = lookInfluxdb(t, nil, now, outage)
		}
	}
	return byName
}

func fillLook(t *testing.T, pg *testkit.PG, now time.Time, traffic []lookTraffic) {
	t.Helper()
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	if traffic == nil {
		return
	}
	pg.Exec(fillSQL, lookSQL)
	must := func(statement string, args ...any) {
		_, err := pg.DB().Exec(statement, args...)
		require.NoError(t, err, statement)
	}
	for _, part := range traffic {
		must(`SELECT fill_partitions($1, $2)`, part.from, part.to)
		must(`SELECT look_traffic($1, $2, $3, $4, $5, $6, $7, $8)`, part.gateway, part.from, part.to, part.sources, part.destinations, part.peers, part.steady, fmt.Sprint(part.pace))
	}
	first := traffic[0].from
	for _, part := range traffic {
		if part.from.Before(first) {
			first = part.from
		}
	}
	must(`SELECT fill_sums($1, $2)`, first, now)
	must(`ANALYZE`)
	require.NoError(t, db.SaveStatus(t.Context(), store.Status{Sink: "gw1:/spool", Started: first, Rows: 12345, Reports: 123, LastCommit: now}))
}

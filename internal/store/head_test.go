package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestHead asks three servers, over their head, and one database that has all rows, the
// same questions.
func TestHead(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(20261127, 0))
	head, all, shards := headOf(t, source)
	questions := testkit.Rounds(100)
	require.Less(t, compareAnswers(t, head, all, source, questions), questions/2, "those that find nothing show nothing")
	for _, pg := range shards[:2] {
		sumUp(t, openStore(t, pg))
	}
	compareAnswers(t, head, all, source, testkit.Rounds(40)) // what one has not summed up, the head does not ask of others
	require.Equal(t, "hour_by_pair", pieces(t, head.DB(), "pair", noon, noon.AddDate(0, 0, 1)))
	sumUp(t, openStore(t, shards[2]))
	require.Equal(t, "hour_by_pair quarter_day_by_pair", pieces(t, head.DB(), "pair", noon.Add(time.Hour), noon.AddDate(0, 0, 1).Add(time.Hour)))
	compareAnswers(t, head, all, source, testkit.Rounds(40))
	const drop = `SELECT vpn_traffic_drop_partition(name) FROM vpn_traffic_partitions WHERE retention = '%s'`
	for _, pg := range append(shards, all) {
		pg.Exec(fmt.Sprintf(drop, "raw"))
	}
	compareAnswers(t, head, all, source, testkit.Rounds(50))
	shards[0].Exec(fmt.Sprintf(drop, "minute")) // what one lacks, no other gives
	all.Exec(fmt.Sprintf(drop, "minute"))
	compareAnswers(t, head, all, source, testkit.Rounds(50))
}

// compareAnswers asks both so many questions, and returns how many find nothing.
func compareAnswers(t *testing.T, head, all *testkit.PG, source *rand.Rand, count int) (empty int) {
	t.Helper()
	for range count {
		question := anyQuestion(source)
		want := text(t, all, question)
		require.Equal(t, want, text(t, head, question), question)
		if want == "[]" {
			empty++
		}
	}
	return empty
}

// headOf makes a head of three servers, with gateways of their own, and one database with
// the rows of all.
func headOf(t *testing.T, source *rand.Rand) (head, all *testkit.PG, shards []*testkit.PG) {
	t.Helper()
	all, head = testkit.Database(t), testkit.Database(t)
	reference := openStore(t, all)
	for i := range 3 {
		pg := testkit.Postgres(t)
		shards = append(shards, pg)
		db := openStore(t, pg)
		for gateway := range 2 {
			rows, host := random(source, 400), fmt.Sprintf("gw%d%d", i, gateway)
			for n := range rows {
				rows[n].SrcName = []string{"", "team one", "Team 2"}[source.IntN(3)]
			}
			mustImport(t, db, host, rows)
			mustImport(t, reference, host, rows)
		}
	}
	install(t, head)
	for i, pg := range shards {
		head.AddShard(fmt.Sprint("shard", i), pg)
	}
	return head, all, shards
}

func install(t testing.TB, head *testkit.PG) {
	t.Helper()
	db, err := store.Open(head.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for range 2 { // doing it again is harmless
		require.NoError(t, db.InstallHead(t.Context()))
	}
}

// anyQuestion returns a query of one of the functions that dashboards and people call.
func anyQuestion(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	since := noon.Add(8*time.Hour + time.Duration(r.IntN(6*3600))*time.Second)
	until := since.Add(time.Duration(r.IntN([]int{600, 7200, 30 * 3600}[r.IntN(3)])) * time.Second)
	times := fmt.Sprintf("'%s', '%s'", since.Format(time.RFC3339), until.Format(time.RFC3339))
	by := pick("", "src", "dst", "proto", "port", "service", "host", "pair")
	filter := ""
	for column, values := range map[string]string{
		"src": "{10.32.1.0,team one (10.32.2.0)}", "dst": "{10.33.0.0,10.33.3.0}", "proto": "{udp}", "port": "{other,1}", "host": "{gw10,gw21,gw00}",
	} {
		if r.IntN(4) == 0 {
			filter += fmt.Sprintf(", %s => '%s'", column, values)
		}
	}
	top := pick("", "", ", top => 1", ", top => 3", ", top => 5", ", top => 100")
	measure := pick("", ", measure => 'all'", ", measure => 'bytes'", ", measure => 'packets'", ", measure => 'connections'", ", measure => 'open'", ", measure => 'packets, open'")
	call := pick("series", "series", "series", "totals", "totals", "pairs", "rates", "peers", "values", "outages", "interval")
	switch call {
	case "series":
		call += fmt.Sprintf("(%s, '%s', '%s'%s%s%s)", times, pick("1 s", "15 s", "40 s", "2 min", "1 h", "3 h"), by, filter, top, measure)
	case "totals":
		call += fmt.Sprintf("(%s, '%s'%s%s%s)", times, by, filter, top, measure)
	case "pairs":
		call += fmt.Sprintf("(%s%s%s%s)", times, filter, top, measure)
	case "rates":
		call += fmt.Sprintf("(%s, '%s', '%s'%s%s%s, rising => %s)", times, pick("5 min", "1 h"), by, filter, top,
			pick("", ", measure => 'packets'", ", measure => 'connections'"), pick("true", "false"))
	case "peers":
		call += fmt.Sprintf("(%s, '%s'%s%s)", times, pick("src", "dst"), filter, top)
	case "values":
		call += fmt.Sprintf("('%s', %s)", pick("src", "dst", "proto", "port", "host"), times)
	case "outages":
		call += fmt.Sprintf("(%s%s)", times, pick("", ", '{gw10}'"))
	case "interval":
		call += fmt.Sprintf("('%s')", until.Format(time.RFC3339))
	}
	return `SELECT coalesce(jsonb_agg(t), '[]')::text FROM vpn_traffic_` + call + ` AS t`
}

func openStore(t testing.TB, pg *testkit.PG) *store.DB {
	t.Helper()
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Migrate(t.Context()))
	return db
}

func text(t *testing.T, pg *testkit.PG, query string) (answer string) {
	t.Helper()
	require.NoError(t, pg.DB().QueryRow(query).Scan(&answer), query)
	return answer
}

package store_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

const (
	headTotals = `SELECT coalesce(jsonb_agg(t), '[]')::text FROM vpn_traffic_totals('2023-11-01', '2023-12-01', '%s', top => %s, measure => '%s') AS t`
	headSum    = `SELECT coalesce(sum(src_bytes), 0) FROM vpn_traffic_totals('2023-11-01', '2023-12-01')`
)

// TestHead compares the totals of three servers, as their head sums them up, with those
// of one database that has all rows; then one server after the other fails.
func TestHead(t *testing.T) {
	head, all := testkit.Database(t), testkit.Database(t)
	shards := []*testkit.PG{testkit.Postgres(t), testkit.Postgres(t), testkit.Postgres(t)}
	source := rand.New(rand.NewPCG(1, 2))
	reference := openStore(t, all)
	for range 2 { // running it again is harmless
		head.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "head.sql"))
	}
	for i, pg := range shards {
		db := openStore(t, pg)
		for gateway := range 2 {
			rows, host := random(source, 400), fmt.Sprintf("gw%d%d", i, gateway)
			mustImport(t, db, host, rows)
			mustImport(t, reference, host, rows)
		}
		head.Exec(fmt.Sprintf(`CREATE SERVER shard%d FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', dbname '%s', connect_timeout '2')`,
			i, pg.Dir(), pg.Name()), fmt.Sprintf(`CREATE USER MAPPING FOR CURRENT_USER SERVER shard%d OPTIONS (user 'postgres')`, i))
	}
	measures := []string{"all", "bytes", "packets", "connections", "open"}
	for i, by := range []string{"", "src", "dst", "proto", "port", "service", "host", "pair"} {
		for _, top := range []string{"NULL", "3"} {
			query := fmt.Sprintf(headTotals, by, top, measures[i%len(measures)])
			require.JSONEq(t, text(t, all, query), text(t, head, query), query)
		}
	}
	slow := head.Psql(nil, "-c", `SELECT FROM vpn_traffic_ask('SELECT to_jsonb(1) FROM pg_sleep(600)', '10 ms')`)
	require.Contains(t, slow, "no answer of shard shard2: it took longer than")
	sums := []string{text(t, shards[0], headSum), text(t, shards[1], headSum), text(t, shards[2], headSum)}
	shards[0].Kill9()
	require.Equal(t, text(t, all, `SELECT `+sums[1]+` + `+sums[2]), text(t, head, headSum))
	require.NoError(t, syscall.Kill(shards[1].Pid(), syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(shards[1].Pid(), syscall.SIGCONT) })
	require.Equal(t, sums[2], text(t, head, headSum))
	shards[2].Exec(`DROP FUNCTION vpn_traffic_totals`) // as if it were of an older version
	said := head.Psql(nil, "-c", headSum)
	for _, why := range []string{"shard0: could not", "shard1: could not", "shard2: function vpn_traffic_totals"} {
		require.Contains(t, said, "no answer of shard "+why)
	}
}

func openStore(t *testing.T, pg *testkit.PG) *store.DB {
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

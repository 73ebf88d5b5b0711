package store_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHeadWithoutShards takes one shard after the other from a head, which answers for
// the others and names those that are missing.
func TestHeadWithoutShards(t *testing.T) {
	t.Parallel()
	head, _, shards := headOf(t, rand.New(rand.NewPCG(1, 2)))
	const sum = `SELECT coalesce(sum(src_bytes), 0) FROM vpn_traffic_totals('2023-11-01', '2023-12-01')`
	sums := []string{text(t, shards[0], sum), text(t, shards[1], sum), text(t, shards[2], sum)}
	db := head.DB()
	db.SetMaxOpenConns(1) // its session keeps connections to the shards

	require.Equal(t, text(t, head, `SELECT `+sums[0]+` + `+sums[1]+` + `+sums[2]), text(t, head, sum))
	shards[0].Stop("fast")
	shards[0].Start()
	require.Equal(t, text(t, head, `SELECT `+sums[0]+` + `+sums[1]+` + `+sums[2]), text(t, head, sum), "a connection that was lost is made again")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(ctx, `SELECT FROM vpn_traffic_ask('SELECT 1 FROM pg_sleep(600)', 'n integer') AS a (n integer)`)
	require.Error(t, err)
	require.Equal(t, text(t, head, `SELECT `+sums[0]+` + `+sums[1]+` + `+sums[2]), text(t, head, sum), "what a cancelled question left is dropped")

	shards[2].Exec(`ALTER TABLE vpn_traffic_hour_by_port RENAME TO later`) // as if it were of an older version
	require.Equal(t, text(t, head, `SELECT `+sums[0]+` + `+sums[1]), text(t, head, sum))
	require.Contains(t, head.Psql(nil, "-c", sum), `no answer of shard shard2: relation "vpn_traffic_hour_by_port" does not exist`)
	shards[0].Kill9()
	require.Equal(t, sums[1], text(t, head, sum))
	require.Contains(t, head.Psql(nil, "-c", sum), `no answer of shard shard0: could not establish connection`)
	require.Equal(t, "shard shard0: could not establish connection", text(t, head, `SELECT gateway FROM vpn_traffic_outages('2023-11-01', '2023-12-01') WHERE gateway LIKE 'shard%'`))
	require.Equal(t, "shard shard0: could not establish connection", text(t, head, `SELECT sink FROM sink_status WHERE sink LIKE 'shard%'`))

	shards[1].Freeze()
	_, err = db.Exec(`SET vpn_traffic.patience = '1 s'`)
	require.NoError(t, err)
	_, err = db.Exec(sum)
	require.ErrorContains(t, err, "shard1: it took longer than 00:00:01")
	require.ErrorContains(t, err, "no shard answers: shard0: could not establish connection; ")
}

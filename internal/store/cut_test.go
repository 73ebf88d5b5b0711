package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestTheConnectionIsCutAnywhere cuts the connection at bytes that are spread over
// an import, each somewhere in its part of it: of what is sent, rows, rollups and COMMIT, and of the answers, so that
// nobody knows whether it was committed. Importing again makes it right.
func TestTheConnectionIsCutAnywhere(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	proxy := testkit.NewProxy(t, pg.Socket())
	host, port := proxy.Addr()
	db, err := store.Open(fmt.Sprintf("host=%s port=%s user=postgres dbname=%s sslmode=disable", host, port, pg.Name()))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))

	const rows = 150
	at := noon
	mustImport(t, db, "gw", series(at, rows)) // makes the partitions
	sent := make(map[bool]int)                // up, down
	proxy.Watch(func(up bool, data []byte) int {
		sent[up] += len(data)
		return len(data)
	})
	at = at.Add(15 * time.Second)
	mustImport(t, db, "gw", series(at, rows))
	proxy.Watch(nil)

	const seed, cuts = 20231117, 50
	random := rand.New(rand.NewPCG(seed, 0))
	lost, again := 0, 0
	for n := range cuts {
		up := n%2 == 0
		left := (n*sent[up] + random.IntN(sent[up])) / cuts
		if n%10 == 1 {
			left = sent[false] - 1 - random.IntN(16) // in the answer to COMMIT
		}
		proxy.Watch(func(direction bool, data []byte) int {
			if direction != up {
				return len(data)
			}
			pass := min(left, len(data))
			left -= pass
			return pass
		})
		at = at.Add(15 * time.Second)
		_, err := db.Import(t.Context(), "gw", series(at, rows))
		proxy.Watch(nil)
		if err != nil {
			require.True(t, pgconn.IsUnreachable(err), "cut %d: %v", n, err)
			require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
			require.NotContains(t, pgconn.Reason(err).Error(), "driver: ")
			lost++
		}
		result := mustImport(t, db, "gw", series(at, rows))
		require.Equal(t, rows, result.Inserted+result.Duplicates)
		if err != nil && result.Duplicates == rows {
			again++ // it had been committed
		}
	}
	t.Logf("%d of %d imports failed, %d of these had been committed", lost, cuts, again)
	require.Greater(t, lost, cuts/2)
	require.Positive(t, again)
	require.Equal(t, fmt.Sprint((cuts+2)*rows), query(t, pg.DB(), `SELECT count(*) FROM vpn_traffic`))
	testkit.RequireExact(t, pg.DB())
}

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/testkit"
)

// A connection that breaks amid COPY ends the import at once: it must not wait
// for its own transaction.
func TestAConnectionLostInCOPY(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	db, direct := freshOn(t, pg)
	mustImport(t, db, "gw", series(noon, 1)) // makes the partition
	blocker, err := direct.Begin()
	require.NoError(t, err)
	// COPY begins, and stops at its first row.
	_, err = blocker.Exec(`LOCK TABLE vpn_traffic_20231114 IN SHARE MODE`)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	go func() { // until the connection is lost
		_, err := db.Import(ctx, "gw", series(noon.Add(time.Minute), 40_000)) // more than a socket holds
		result <- err
	}()
	require.Eventually(t, func() bool {
		var ended bool
		err := pg.DB().QueryRow(`SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND query LIKE 'COPY vpn_traffic %'`).Scan(&ended)
		return err == nil && ended
	}, time.Minute, 10*time.Millisecond)
	err = <-result
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "not because its time was over")
	require.True(t, pgconn.IsUnreachable(err), "%v", err)
	require.NoError(t, blocker.Rollback())
	require.Equal(t, 40_000, mustImport(t, db, "gw", series(noon.Add(time.Minute), 40_000)).Inserted)
}

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// The wait of a commit for a standby can be broken off, and the server then says that it
// has committed. Rows that are on the primary alone do not count as stored, however often
// they come.
func TestACommitWithoutItsStandby(t *testing.T) {
	t.Parallel()
	first := testkit.Postgres(t)
	second := first.Standby(testkit.PGSetup{Settings: []string{"synchronous_standby_names="}})
	db, err := store.Open(first.DSN())
	require.NoError(t, err)
	defer func() { _ = db.Close() }() // its server is killed
	require.NoError(t, db.Migrate(t.Context()))
	rows := series(noon, 10)
	mustImport(t, db, "gw", rows[:1]) // which makes the partition
	first.Set("synchronous_standby_names", "*")
	second.Stop("fast")

	const waits = `FROM pg_stat_activity WHERE application_name = 'psql-sink' AND wait_event = 'SyncRep'`
	const says = "Postgres lacks a synchronous standby"
	for _, broken := range []struct {
		how  string // by this function of the server's, or by us
		says string
	}{
		{"", says},
		{"pg_terminate_backend", "Postgres is unreachable"},
		{"pg_cancel_backend", says},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { // until the wait is broken off
			_, err := db.Import(ctx, "gw", rows)
			done <- err
		}()
		require.Eventually(t, func() bool { return query(t, first.DB(), `SELECT count(*) `+waits) == "1" }, time.Minute, 5*time.Millisecond)
		if broken.how == "" {
			cancel()
		} else {
			query(t, first.DB(), `SELECT `+broken.how+`(pid) `+waits)
		}
		err := <-done
		cancel()
		require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "%v", err)
		require.Equal(t, broken.says, pgconn.Describe(err))
		require.NotContains(t, pgconn.Reason(err).Error(), "importing")
		require.Equal(t, "10", query(t, first.DB(), `SELECT count(*) FROM vpn_traffic`), "the primary has them all the same")
	}

	second.Start()
	require.Equal(t, store.Result{Duplicates: 10}, mustImport(t, db, "gw", rows))
	first.Kill9()
	second.Promote()
	require.Equal(t, "10", query(t, second.DB(), `SELECT count(*) FROM vpn_traffic`))
	testkit.RequireExact(t, second.DB())
}

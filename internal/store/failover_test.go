package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// Of several hosts the one that takes rows is used, and another one when that
// changes, without a new DB.
func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	first := testkit.Postgres(t)
	second := first.Standby(testkit.PGSetup{})
	db, err := store.Open("dbname=vpn user=postgres host=" + second.Dir() + "," + first.Dir())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	rows := series(noon, 10)
	mustImport(t, db, "gw", rows[:1])

	readOnly := func(pg *testkit.PG, value string) { pg.Set("default_transaction_read_only", value) }
	refused := func(rows []reportfile.Row) error {
		_, err := db.Import(t.Context(), "gw", rows)
		require.Error(t, err)
		require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "%v", err)
		return err
	}
	readOnly(first, "on")
	err = refused(rows[1:]) // on a connection that is there
	require.ErrorContains(t, err, "read-only transaction")
	require.Equal(t, "Postgres is read-only", pgconn.Describe(err))
	err = refused(rows[1:])
	require.ErrorContains(t, err, "vpn at "+second.Dir()+" as postgres: it is a standby; vpn at "+first.Dir()+" as postgres: it is read-only")
	require.Equal(t, "Postgres is read-only", pgconn.Describe(err))
	readOnly(first, "off")
	mustImport(t, db, "gw", rows[1:4])

	first.Stop("fast") // which waits until the replica has everything
	_ = refused(rows[4:])
	err = refused(rows[4:])
	require.ErrorContains(t, err, "it is a standby; ")
	require.ErrorContains(t, err, "no such file or directory")
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, "Postgres is unreachable", pgconn.Describe(err))

	second.Promote()
	require.Equal(t, store.Result{Inserted: 6, Duplicates: 4}, mustImport(t, db, "gw", rows))
	requireRollups(t, db)
	testkit.RequireExact(t, second.DB())

	// The old primary comes back, read-only: nobody writes there.
	first.Start()
	readOnly(first, "on")
	back, err := store.Open("dbname=vpn user=postgres host=" + first.Dir() + "," + second.Dir())
	require.NoError(t, err)
	defer func() { require.NoError(t, back.Close()) }()
	require.Equal(t, store.Result{Duplicates: 10}, mustImport(t, back, "gw", rows))
	require.Equal(t, "4", query(t, first.DB(), `SELECT count(*) FROM vpn_traffic`))
}

// Without a wish for a writable host a standby is as good as any, and says no.
func TestAStandbyAlone(t *testing.T) {
	t.Parallel()
	first := testkit.Postgres(t)
	owner, err := store.Open(first.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, owner.Close()) }()
	require.NoError(t, owner.Migrate(t.Context()))
	mustImport(t, owner, "gw", series(noon, 1))
	second := first.Standby(testkit.PGSetup{})
	db, err := store.Open(second.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()), "there is nothing to do")
	_, err = db.Import(t.Context(), "gw", series(noon, 2))
	require.ErrorContains(t, err, "cannot set transaction read-write mode during recovery")
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
	require.Equal(t, "Postgres is read-only", pgconn.Describe(err))
}

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// After a failover that lost rows, what the other server does not know is stored there
// again, also where it was not an import that met the end of the first one.
func TestAnotherServerIsToldValuesAndNames(t *testing.T) {
	t.Parallel()
	var servers [2]*testkit.PG
	for i := range servers {
		servers[i] = testkit.Postgres(t)
		db, err := store.Open(servers[i].DSN())
		require.NoError(t, err)
		require.NoError(t, db.Migrate(t.Context()))
		require.NoError(t, db.Close())
		servers[i].Exec(`SELECT vpn_traffic_make_partitions('2023-11-14')`)
	}
	db, err := store.Open("user=postgres dbname=vpn host=" + servers[0].Dir() + "," + servers[1].Dir())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	rows := series(noon, 3)
	for i := range rows {
		rows[i].SrcName = "team one"
	}
	mustImport(t, db, "gw", rows)
	servers[0].Kill9()
	require.Eventually(t, func() bool { return db.Pool.PingContext(t.Context()) == nil }, time.Minute, 10*time.Millisecond)
	mustImport(t, db, "gw", rows)
	testkit.RequireExact(t, servers[1].DB())
	require.Equal(t, "team one", query(t, servers[1].DB(), `SELECT DISTINCT name FROM vpn_traffic_name_history WHERE kind = 'src'`))
}

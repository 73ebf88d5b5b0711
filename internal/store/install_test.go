package store_test

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// What a database lost on its way is there again after a start.
func TestALostFunctionIsInstalledAgain(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	direct := pg.DB()
	works := func(after string) {
		t.Helper()
		db, err := store.Open(pg.DSN())
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		require.NoError(t, db.Migrate(t.Context()), after)
		require.Equal(t, 3, mustImport(t, db, after, series(noon.AddDate(0, 1, 0), 3)).Inserted)
		require.NoError(t, db.SaveStatus(t.Context(), store.Status{Sink: after}), after)
		require.NoError(t, db.Summarize(t.Context()), after)
		require.Equal(t, "3", query(t, direct, `SELECT sum(src_packets) FROM vpn_traffic_totals('2023-12-14Z', '2023-12-15Z', host => $1)`, "{"+after+"}"))
		_, err = direct.Exec(`SELECT vpn_traffic_drop_partition('vpn_traffic_20231214')`)
		require.NoError(t, err, after)
	}
	works("made")

	dump, err := os.CreateTemp(t.TempDir(), "dump")
	require.NoError(t, err)
	defer func() { _ = dump.Close() }()
	_, err = dump.WriteString(pg.Dump("-t", "vpn_traffic*"))
	require.NoError(t, err)
	_, err = dump.Seek(0, 0)
	require.NoError(t, err)
	pg.Exec("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
	pg.Psql(dump)
	works("restored")

	pg.Exec("ALTER SCHEMA public RENAME TO elsewhere", "ALTER DATABASE "+pg.Name()+" SET search_path = elsewhere")
	direct.SetMaxIdleConns(0) // whose connections were made before
	works("renamed")
}

// A later version has other functions: those stay.
func TestAnOldVersionLeavesALaterOneAlone(t *testing.T) {
	pg := testkit.Database(t)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	pg.Exec(`CREATE OR REPLACE FUNCTION vpn_traffic_functions() RETURNS text LANGUAGE sql AS $$SELECT 'later public'$$`)
	pg.Exec(`INSERT INTO vpn_traffic_migrations VALUES (99)`)
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.Install(t.Context()))
	require.Equal(t, "later public", query(t, pg.DB(), `SELECT vpn_traffic_functions()`))
	pg.Exec(`DELETE FROM vpn_traffic_migrations WHERE version = 99`)
	require.NoError(t, db.Migrate(t.Context()))
	require.NotEqual(t, "later public", query(t, pg.DB(), `SELECT vpn_traffic_functions()`))
}

// A database of the version before gets the sums that it did not have.
func TestMigrationAddsUpWhatIsThere(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	r := rand.New(rand.NewPCG(20231114, 0))
	mustImport(t, db, "gw", random(r, 500))
	full := series(noon, 2) // of one minute and source
	for i := range full {
		full[i].DstBytes, full[i].ConnectionCount, full[i].HasOpen, full[i].OpenConnections = math.MaxInt64, math.MaxInt32, false, 0
	}
	mustImport(t, db, "full", full)
	pg.Exec(`DROP TABLE vpn_traffic_minute_total_by_src, vpn_traffic_minute_total_by_dst, vpn_traffic_quarter_by_pair`,
		`DELETE FROM vpn_traffic_units WHERE unit = 'quarter'`,
		`DELETE FROM vpn_traffic_tables WHERE name LIKE '%minute_total%' OR unit = 'quarter'`, `DELETE FROM vpn_traffic_migrations WHERE version >= 7`)
	require.NoError(t, db.Migrate(t.Context()))
	requireRollups(t, db)
	mustImport(t, db, "gw", random(r, 500))
	requireRollups(t, db)
}

package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// Databases may be set up in ways of their own.
func TestPeculiarDatabases(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t, "wal_level=logical")
	for schema, setting := range map[string]string{
		`VPN`: "", `my.vpn`: "", `a "quoted" one`: "", "space": "default_tablespace=pg_default", "nulls": "array_nulls=off",
		"german": "datestyle='German'", "dates": "intervalstyle=sql_standard timezone='Asia/Tokyo'",
	} {
		t.Run(schema, func(t *testing.T) {
			quoted := pq.QuoteIdentifier(schema)
			pg.Exec("CREATE SCHEMA " + quoted)
			dsn := pg.DSN() + " search_path='" + quoted + "'"
			for _, s := range strings.Fields(setting) {
				pg.Exec("ALTER DATABASE vpn SET " + s)
				name, _, _ := strings.Cut(s, "=")
				defer pg.Exec("ALTER DATABASE vpn RESET " + name)
			}
			db, err := store.Open(dsn)
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			require.NoError(t, cycle(t, db, noon))
		})
	}
}

func TestOtherEncodingsAreRefused(t *testing.T) {
	pg := testkit.Postgres(t)
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		_, err := pg.DB().Exec("CREATE DATABASE " + encoding + " TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING " + encoding)
		require.NoError(t, err)
		db, err := store.Open(strings.Replace(pg.DSN(), "dbname=vpn", "dbname="+strings.ToLower(encoding), 1))
		require.NoError(t, err)
		err = db.Migrate(t.Context())
		require.ErrorContains(t, err, "its encoding is "+encoding+": the database has to be of the encoding UTF8: make it with")
		require.True(t, pgconn.IsMisconfigured(err))
		require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
		require.NoError(t, db.Close())
	}
}

// What somebody adds to the schema, or takes from it, does no harm.
func TestWhatSomebodyDoesToTheTables(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t, "wal_level=logical")
	db, direct := freshOn(t, pg)
	mustImport(t, db, "gw", series(noon, 3))
	_, err := direct.Exec(`CREATE PUBLICATION everything FOR ALL TABLES;
		ALTER TABLE vpn_traffic ADD COLUMN total bigint GENERATED ALWAYS AS (src_bytes + dst_bytes) STORED`)
	require.NoError(t, err)
	mustImport(t, db, "gw", append(series(noon.AddDate(0, 0, 1), 3), series(time.Now(), 1)...))
	require.Equal(t, "6", query(t, direct, `SELECT max(total) FROM vpn_traffic`))

	_, err = direct.Exec(`UPDATE vpn_traffic_by_src SET src_bytes = 0; DELETE FROM vpn_traffic_by_port`)
	require.NoError(t, err, "published")
	differences(t, db, true)
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM pg_class WHERE relnamespace = 'traffic'::regnamespace AND relkind IN ('r', 'p')
		AND relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)`))
	requireRollups(t, db)

	const names = `SELECT string_agg(concat_ws(' ', kind, value, first_day, last_day), ', ' ORDER BY kind, value) FROM vpn_traffic_values`
	want := query(t, direct, names)
	_, err = direct.Exec(`TRUNCATE vpn_traffic_values`)
	require.NoError(t, err)
	retain(t, db, time.Now(), schema.Retention{})
	mustImport(t, db, "gw", series(time.Now(), 1))
	require.Equal(t, want, query(t, direct, names))
}

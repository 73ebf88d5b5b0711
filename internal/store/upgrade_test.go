package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// upgradedTable is the table of the old importer, with indexes whose names the new
// one wants.
const upgradedTable = `
	CREATE TABLE vpn_traffic (
		id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
		src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint,
		connection_times int, connection_count int, open_connections int,
		UNIQUE (time, src, dst, proto, port));
	CREATE INDEX vpn_traffic_time ON vpn_traffic (time);
	CREATE INDEX vpn_traffic_src_dst ON vpn_traffic (src, dst);`

const oldColumns = "time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections"

func TestUpgrade(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	direct := pg.DB()
	_, err := direct.Exec(upgradedTable + `
		INSERT INTO vpn_traffic (` + oldColumns + `)
		SELECT '2023-11-14 21:00Z'::timestamptz + r * interval '15 seconds', '10.32.' || i / 25 || '.0', '10.33.' || i % 25 || '.0',
			'tcp', 443, i, i * 7, r, r * 9, i, r, CASE WHEN r % 2 = 0 THEN i % 5 END
		FROM generate_series(0, 419) r, generate_series(0, 249) i;
		INSERT INTO vpn_traffic (time, src, dst, proto, port, src_packets) VALUES ('2001-01-01Z', '10.0.0.1', '10.0.0.2', 'udp', NULL, 5), ('1970-01-02Z', '10.0.0.1', '10.0.0.2', 'udp', 1, 5);
		INSERT INTO vpn_traffic (time, src, dst, proto, port) VALUES (NULL, '10.0.0.1', '10.0.0.2', 'udp', 1), ('2024-01-01Z', NULL, '10.0.0.2', 'udp', 1);
		ANALYZE vpn_traffic`)
	require.NoError(t, err)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()

	// Broken off after the first transaction, and the second has an error.
	ctx, cancel := context.WithCancel(t.Context())
	first, err := db.Upgrade(ctx, time.Time{}, func(store.Upgraded) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 100_001, first.Inserted, "whole reports")
	require.EqualValues(t, 105_004, first.Total)
	require.Equal(t, 1, first.Rejected, "1970")
	mustImport(t, db, "gw", series(noon, 3)) // a sink is at work already

	calls := 0
	second, err := db.Upgrade(t.Context(), time.Time{}, func(u store.Upgraded) { calls++ })
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.Equal(t, 105_001, first.Inserted+second.Inserted)
	require.Equal(t, 2, second.Rejected)
	require.Error(t, second.Reason)
	require.Equal(t, "0 0 105001", query(t, direct, `SELECT concat_ws(' ',
		(SELECT count(*) FROM (SELECT time, src::text, dst, proto, coalesce(port, -1), coalesce(src_packets, 0), coalesce(src_bytes, 0), coalesce(dst_packets, 0), coalesce(dst_bytes, 0),
			coalesce(connection_times, 0), coalesce(connection_count, 0), open_connections FROM vpn_traffic_old WHERE time > '2000-01-01Z' AND src IS NOT NULL EXCEPT SELECT `+oldColumns+` FROM vpn_traffic) missing),
		(SELECT count(*) FROM (SELECT `+oldColumns+` FROM vpn_traffic WHERE host = '' EXCEPT SELECT time, src::text, dst, proto, coalesce(port, -1), coalesce(src_packets, 0), coalesce(src_bytes, 0), coalesce(dst_packets, 0), coalesce(dst_bytes, 0),
			coalesce(connection_times, 0), coalesce(connection_count, 0), open_connections FROM vpn_traffic_old) surplus),
		(SELECT count(*) FROM vpn_traffic WHERE host = ''))`))
	requireRollups(t, db)
	require.Equal(t, "vpn_traffic_20010101 vpn_traffic_20231114", indexed(t, direct))

	third, err := db.Upgrade(t.Context(), time.Time{}, func(store.Upgraded) {})
	require.NoError(t, err)
	require.Zero(t, third.Inserted)
	require.Equal(t, 105_001, third.Duplicates, "it says what became of all")
	require.Equal(t, "105004", query(t, direct, `SELECT count(*) FROM vpn_traffic_old`), "kept as it was")
}

func TestUpgradeOfNothing(t *testing.T) {
	pg := testkit.Database(t)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Upgrade(t.Context(), time.Time{}, func(store.Upgraded) {})
	require.True(t, errors.Is(err, schema.ErrNothingOld), "%v", err)
}

// What is not the old importer's is left alone, whatever its name.
func TestUpgradeLeavesForeignTablesAlone(t *testing.T) {
	pg := testkit.Database(t)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for made, drop := range map[string]string{
		"CREATE TABLE vpn_traffic (time timestamptz, src text)":                           "TABLE",
		"CREATE VIEW vpn_traffic AS SELECT 1 AS n":                                        "VIEW",
		"CREATE TABLE vpn_traffic (time timestamptz, src text) PARTITION BY RANGE (time)": "TABLE",
		upgradedTable + "ALTER TABLE vpn_traffic ADD COLUMN theirs text":                  "TABLE",
	} {
		pg.Exec(made)
		_, err := db.Upgrade(t.Context(), time.Time{}, func(store.Upgraded) {})
		require.ErrorIs(t, err, schema.ErrForeignTable, made)
		err = db.Migrate(t.Context())
		require.ErrorIs(t, err, schema.ErrForeignTable, made)
		require.True(t, pgconn.IsMisconfigured(err))
		pg.Exec("DROP " + drop + " vpn_traffic")
	}
}

// The sequence of docs/database.md, on a table that another role owns, which others
// read.
func TestUpgradeOfATableThatSomebodyOwns(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	pg.Exec("CREATE ROLE importer; CREATE ROLE grafana", "GRANT CREATE ON SCHEMA public TO importer",
		"SET ROLE importer;"+upgradedTable+`INSERT INTO vpn_traffic (`+oldColumns+`) VALUES ('2023-11-14Z', '10.32.1.0', '10.33.1.0', 'tcp', 1, 1, 100, 1, 100, 1, 1, 1);
		GRANT SELECT ON vpn_traffic TO grafana; GRANT INSERT ON vpn_traffic TO PUBLIC`,
		"CREATE VIEW favourite AS SELECT * FROM vpn_traffic")
	pg.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "roles.sql"))
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	upgrade := func() error {
		_, err := owner.Upgrade(t.Context(), time.Time{}, func(store.Upgraded) {})
		return err
	}
	require.ErrorContains(t, upgrade(), "it belongs to the role importer: have a superuser say ALTER TABLE vpn_traffic OWNER TO vpn_traffic_owner")
	pg.Exec("ALTER TABLE vpn_traffic OWNER TO vpn_traffic_owner")
	require.ErrorContains(t, upgrade(), "views would go on reading it under its new name (favourite)")
	pg.Exec("DROP VIEW favourite")
	require.NoError(t, upgrade())
	require.Equal(t, "true false 1 0", query(t, pg.DB(), `SELECT concat_ws(' ', has_table_privilege('grafana', 'vpn_traffic', 'SELECT')::text,
		has_table_privilege('grafana', 'vpn_traffic', 'INSERT')::text, (SELECT count(*) FROM vpn_traffic),
		(SELECT count(*) FROM pg_class WHERE relname LIKE 'vpn_traffic%' AND relowner <> 'vpn_traffic_owner'::regrole))`))
	writer, _ := openAs(t, pg, "user=vpn_traffic_writer")
	mustImport(t, writer, "gw", series(noon, 3))
}

package trafficdb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
	"telegraf-conntrack-accounting/internal/trafficdb"
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
	pg := testkit.Postgres(t)
	direct := pg.DB()
	_, err := direct.Exec(upgradedTable + `
		INSERT INTO vpn_traffic (` + oldColumns + `)
		SELECT '2023-11-14 21:00Z'::timestamptz + r * interval '15 seconds', '10.32.' || i / 25 || '.0', '10.33.' || i % 25 || '.0',
			'tcp', 443, i, i * 7, r, r * 9, i, r, CASE WHEN r % 2 = 0 THEN i % 5 END
		FROM generate_series(0, 599) r, generate_series(0, 249) i;
		INSERT INTO vpn_traffic (time, src, dst, proto, port, src_packets) VALUES ('2001-01-01Z', '10.0.0.1', '10.0.0.2', 'udp', NULL, 5), ('1970-01-02Z', '10.0.0.1', '10.0.0.2', 'udp', 1, 5);
		INSERT INTO vpn_traffic (time, src, dst, proto, port) VALUES (NULL, '10.0.0.1', '10.0.0.2', 'udp', 1), ('2024-01-01Z', NULL, '10.0.0.2', 'udp', 1);
		ANALYZE vpn_traffic`)
	require.NoError(t, err)
	db, err := trafficdb.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()

	// Broken off after the first transaction, and the second has an error.
	ctx, cancel := context.WithCancel(t.Context())
	first, err := db.Upgrade(ctx, time.Time{}, func(trafficdb.Upgraded) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 100_001, first.Inserted, "whole reports")
	require.EqualValues(t, 150_004, first.Total)
	require.Equal(t, 1, first.Rejected, "1970")
	mustImport(t, db, "gw", series(noon, 3)) // a sink is at work already

	calls := 0
	second, err := db.Upgrade(t.Context(), time.Time{}, func(u trafficdb.Upgraded) { calls++ })
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.Equal(t, 150_001, first.Inserted+second.Inserted)
	require.Equal(t, 2, second.Rejected)
	require.Error(t, second.Reason)
	require.Equal(t, "0 0 150001", query(t, direct, `SELECT concat_ws(' ',
		(SELECT count(*) FROM (SELECT time, src::text, dst, proto, coalesce(port, -1), coalesce(src_packets, 0), coalesce(src_bytes, 0), coalesce(dst_packets, 0), coalesce(dst_bytes, 0),
			coalesce(connection_times, 0), coalesce(connection_count, 0), open_connections FROM vpn_traffic_old WHERE time > '2000-01-01Z' AND src IS NOT NULL EXCEPT SELECT `+oldColumns+` FROM vpn_traffic) missing),
		(SELECT count(*) FROM (SELECT `+oldColumns+` FROM vpn_traffic WHERE host = '' EXCEPT SELECT time, src::text, dst, proto, coalesce(port, -1), coalesce(src_packets, 0), coalesce(src_bytes, 0), coalesce(dst_packets, 0), coalesce(dst_bytes, 0),
			coalesce(connection_times, 0), coalesce(connection_count, 0), open_connections FROM vpn_traffic_old) surplus),
		(SELECT count(*) FROM vpn_traffic WHERE host = ''))`))
	requireRollups(t, db)
	require.Equal(t, "vpn_traffic_20010101 vpn_traffic_20231114", indexed(t, direct))

	third, err := db.Upgrade(t.Context(), time.Time{}, func(trafficdb.Upgraded) {})
	require.NoError(t, err)
	require.Zero(t, third.Inserted)
	require.Equal(t, 150_001, third.Duplicates, "it says what became of all")
	require.Equal(t, "150004", query(t, direct, `SELECT count(*) FROM vpn_traffic_old`), "kept as it was")
}

func TestUpgradeOfNothing(t *testing.T) {
	pg := testkit.Postgres(t)
	db, err := trafficdb.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Upgrade(t.Context(), time.Time{}, func(trafficdb.Upgraded) {})
	require.True(t, errors.Is(err, trafficdb.ErrNothingOld), "%v", err)
}

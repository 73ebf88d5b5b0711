package store_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// indexed lists the days that have the index over (src, dst).
func indexed(t *testing.T, direct *sql.DB) string {
	t.Helper()
	return query(t, direct, `SELECT coalesce(string_agg(tablename, ' ' ORDER BY tablename), '') FROM pg_indexes
		WHERE schemaname = current_schema() AND indexdef LIKE '%USING btree (src, dst)' AND tablename ~ '^vpn_traffic_[0-9]'`)
}

func TestAnImportIndexesWhatItFilled(t *testing.T) {
	t.Parallel()
	db, direct := fresh(t)
	mustImport(t, db, "gw", series(noon, 3))
	require.Equal(t, "vpn_traffic_20231114", indexed(t, direct), "a sink's days have it at once")

	db.IndexLater()
	next, today := noon.AddDate(0, 0, 1), time.Now()
	for _, at := range []time.Time{noon.Add(time.Minute), next, today} {
		mustImport(t, db, "gw", series(at, 300))
	}
	both := "vpn_traffic_20231114 vpn_traffic_" + today.UTC().Format("20060102")
	require.Equal(t, both, indexed(t, direct), "so have those that are there, and those that sinks fill")
	require.Equal(t, "300", query(t, direct, `SELECT count(*) FROM vpn_traffic WHERE time >= '2023-11-15' AND time < '2023-11-16'`))
	require.Equal(t, 300, mustImport(t, db, "gw", series(next, 300)).Duplicates)

	var told []string
	for range 2 { // the second time there is nothing to do
		require.NoError(t, db.Index(t.Context(), func(partition string) { told = append(told, partition) }))
	}
	require.Equal(t, []string{"vpn_traffic_20231115"}, told)
	require.Contains(t, indexed(t, direct), "vpn_traffic_20231115")
	require.Equal(t, "vpn_traffic_20231115_src_dst_idx", query(t, direct, `SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
		WHERE indrelid = 'vpn_traffic_20231115'::regclass AND indisvalid AND c.relname LIKE '%src_dst%'`))
	require.Equal(t, "3", query(t, direct, `SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema() AND indexdef LIKE '%USING btree (host, "time")' AND tablename IN (
		'vpn_traffic_20231114', 'vpn_traffic_20231115', $1)`, "vpn_traffic_"+today.UTC().Format("20060102")))
}

// An import that was broken off is put right by the upkeep of a sink, but not
// while somebody adds rows.
func TestUpkeepMakesMissingIndexes(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	db, direct := freshOn(t, pg)
	db.IndexLater()
	mustImport(t, db, "gw", series(noon, 3))
	require.Empty(t, indexed(t, direct))

	tx, err := direct.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.Exec(`INSERT INTO vpn_traffic SELECT * FROM vpn_traffic`)
	require.NoError(t, err)
	sink, err := store.Open(pg.DSN() + inTables)
	require.NoError(t, err)
	defer func() { require.NoError(t, sink.Close()) }()
	_, err = sink.Retain(t.Context(), time.Now(), schema.Retention{})
	require.NoError(t, err)
	require.NotContains(t, indexed(t, direct), "vpn_traffic_20231114", "somebody adds rows")
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	go func() { waits <- db.Index(ctx, func(string) {}) }()
	require.Eventually(t, func() bool {
		return query(t, direct, `SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND NOT granted AND relation = 'vpn_traffic_20231114'::regclass`) == "1"
	}, time.Minute, 10*time.Millisecond)
	cancel()
	require.Error(t, <-waits, "an interrupted import does not wait on")

	require.NoError(t, tx.Rollback())
	_, err = sink.Retain(t.Context(), time.Now(), schema.Retention{})
	require.NoError(t, err)
	require.Contains(t, indexed(t, direct), "vpn_traffic_20231114")
}

package trafficdb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"
)

// IndexLater makes imports fill days that are over, and of which there is nothing
// yet, without the index over (src, dst): it is for who imports much of them, and
// then calls Index.
func (db *DB) IndexLater() { db.indexLater.Store(true) }

// Index makes the indexes that IndexLater has left out, also those that others
// have, and were broken off. It calls told before each. Nobody can add rows of a
// day while its index is made.
func (db *DB) Index(ctx context.Context, told func(partition string)) error {
	partitions, err := db.unindexed(ctx)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		told(partition)
		if err := db.indexPartition(ctx, partition, "0"); err != nil {
			return fmt.Errorf("making the index of %s: %w", partition, err)
		}
	}
	return nil
}

// indexIdle makes the indexes that imports which were broken off have left out,
// unless somebody is adding rows.
func (db *DB) indexIdle(ctx context.Context) error {
	partitions, err := db.unindexed(ctx)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		if err := db.indexPartition(ctx, partition, dropPatience.String()); err != nil && !isBusy(err) {
			return fmt.Errorf("making the index of %s: %w", partition, err)
		}
	}
	return nil
}

func (db *DB) unindexed(ctx context.Context) (partitions pq.StringArray, err error) {
	err = db.pool.QueryRowContext(ctx, `SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM vpn_traffic_partitions
		WHERE parent = 'vpn_traffic' AND to_regclass(quote_ident(name || '_src_dst_idx')) IS NULL`).Scan(&partitions)
	if err != nil {
		return nil, fmt.Errorf("looking for days without an index: %w", err)
	}
	return partitions, nil
}

// indexPartition makes the index of a partition, when nobody has been adding rows
// to it for long enough; 0 is for ever.
func (db *DB) indexPartition(ctx context.Context, partition, patience string) error {
	return inTransaction(ctx, db.pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true)`, patience); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `SELECT vpn_traffic_index_partition($1)`, partition)
		return err
	})
}

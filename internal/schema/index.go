package schema

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// IndexLater makes imports fill past days that have nothing yet without their B-trees, over
// (src, dst) and over (host, time). A caller that imports many of them then calls Index.
func (db *DB) IndexLater() { db.indexLater.Store(true) }

// Index makes the indexes that IndexLater has left out, also those that others
// have, and were broken off. It calls told before each. Nobody can add rows of a
// day while its indexes are made.
func (db *DB) Index(ctx context.Context, told func(partition string)) error {
	return db.index(ctx, 0, told)
}

// index makes missing indexes. With patience, it passes over the partitions that
// somebody adds rows to for longer.
func (db *DB) index(ctx context.Context, patience time.Duration, told func(partition string)) error {
	var partitions pq.StringArray
	err := db.Pool.QueryRowContext(ctx, `SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM vpn_traffic_partitions
		WHERE parent = 'vpn_traffic' AND to_regclass(quote_ident(name || '_src_dst_idx')) IS NULL`).Scan(&partitions)
	if err != nil {
		return fmt.Errorf("looking for days without an index: %w", err)
	}
	for _, partition := range partitions {
		told(partition)
		err := db.execPatiently(ctx, patience, `SELECT vpn_traffic_index_partition($1)`, partition)
		if patience > 0 && isBusy(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("making the index of %s: %w", partition, err)
		}
	}
	return nil
}

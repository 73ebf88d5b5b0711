package store

import (
	"context"
	"database/sql"
	"fmt"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
)

// importing is the transaction of an import. Each step leaves there what later ones need.
//
// All imports take their locks in this order, so that no two wait for each other:
//
//  1. rows of vpn_traffic_reports, by time: nobody else adds rows of these reports;
//  2. rows of vpn_traffic_minute_reports, by time, then of vpn_traffic_hour_reports:
//     nobody else adds sums of a bucket whose first reports these are;
//  3. rows of the rollups, in the order of schema.Rollups, then of their keys;
//  4. rows of vpn_traffic_values, by kind and value, if one is new on its day;
//  5. vpn_traffic_name_history as a whole, if a name differs.
//
// Verify, when it repairs, and Forget lock vpn_traffic_reports as a whole before all else.
type importing struct {
	db    *DB
	conn  *sql.Conn
	tx    *sql.Tx
	batch *batch

	reports []batchReport         // those of the batch
	buckets newBuckets            // those that have no sums yet
	sums    rollups               // of the rows that are new
	values  []dayValue            // that were stored
	names   map[endpoint]nameSpan // that the log has now
}

// importBatch stores a batch, and returns what was done.
func (db *DB) importBatch(ctx context.Context, b *batch) (*importing, error) {
	conn, err := db.Pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	i := &importing{db: db, conn: conn, batch: b}
	return i, pgconn.InTransaction(ctx, conn, func(tx *sql.Tx) error {
		i.tx = tx
		return i.run(ctx)
	})
}

func (i *importing) run(ctx context.Context) error {
	for _, step := range [...]struct {
		doing string
		do    func(context.Context) error
	}{
		{"locking reports", i.lockReports},
		{"reading stored rows", i.dropStored},
		{"noting reports", i.noteTracked},
		{"counting reports", i.countReports},
		{"storing rows", i.storeRows},
		{"adding to rollups", i.storeRollups},
		{"storing values", i.storeValues},
		{"storing names", i.storeNames},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return nil
}

func (i *importing) lockReports(ctx context.Context) (err error) {
	i.reports, err = lockReports(ctx, i.tx, i.batch)
	return err
}

func (i *importing) dropStored(ctx context.Context) error {
	return dropStored(ctx, i.tx, i.batch, i.reports)
}

func (i *importing) noteTracked(ctx context.Context) error {
	return noteTracked(ctx, i.tx, i.batch, i.reports)
}

func (i *importing) countReports(ctx context.Context) (err error) {
	i.buckets, err = countReports(ctx, i.tx, i.batch.host, i.reports)
	return err
}

func (i *importing) storeRows(context.Context) error {
	if len(i.batch.entries) == 0 {
		return nil
	}
	return copyRows(i.conn, i.batch)
}

// storeRollups adds the rows of the batch to all rollups.
func (i *importing) storeRollups(ctx context.Context) error {
	i.sums = newRollups(i.batch)
	for n := range schema.Rollups {
		t := &schema.Rollups[n]
		copied, merged := i.buckets.split(t, fit(t, i.sums[t.Name].sorted()))
		if len(copied) > 0 {
			if err := copyRollup(i.conn, t, i.batch, copied); err != nil {
				return fmt.Errorf("%s: %w", t.Name, asOrphan(t, err))
			}
		}
		if len(merged) > 0 {
			if err := mergeRollup(ctx, i.tx, t, i.batch, merged); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
	}
	return nil
}

func (i *importing) storeValues(ctx context.Context) error {
	i.values = i.db.unsavedValues(i.batch, i.sums)
	return storeValues(ctx, i.tx, i.values)
}

func (i *importing) storeNames(ctx context.Context) (err error) {
	i.names, err = i.db.logNames(ctx, i.tx, i.batch)
	return err
}

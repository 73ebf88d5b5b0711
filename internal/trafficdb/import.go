package trafficdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"

	"telegraf-conntrack-accounting/internal/report"
)

// Result says what became of the rows of an import.
type Result struct {
	Inserted   int
	Duplicates int // rows that were there before, or more than once in the import
}

// Import stores rows of a host, all or none, in one transaction. The rows must
// pass their Check; they are left as they are.
func (db *DB) Import(ctx context.Context, host string, rows []report.Row) (Result, error) {
	if len(rows) == 0 {
		return Result{}, nil
	}
	b := newBatch(host, rows)
	if err := db.ensureDays(ctx, b); err != nil {
		return Result{}, err
	}
	if err := db.importBatch(ctx, b); err != nil {
		if isMissingPartition(err) {
			db.forgetDays()
		}
		return Result{}, fmt.Errorf("importing %d rows: %w", len(rows), err)
	}
	return Result{Inserted: len(b.order), Duplicates: len(rows) - len(b.order)}, nil
}

func (db *DB) importBatch(ctx context.Context, b *batch) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return inTransaction(ctx, conn, func(tx *sql.Tx) error {
		seen, err := lockReports(ctx, tx, b)
		if err != nil {
			return fmt.Errorf("locking reports: %w", err)
		}
		if len(seen) > 0 {
			if err := dropStored(ctx, tx, b, seen); err != nil {
				return fmt.Errorf("reading stored rows: %w", err)
			}
		}
		if len(b.order) == 0 {
			return nil
		}
		return copyRows(conn, b)
	})
}

// lockReports locks the reports that the batch has rows of, in the order of
// time, so that no two imports wait for each other. It returns, in order, the
// times of those that other imports brought rows of before. What those imports
// inserted is committed and visible to the next statement, and nobody else
// inserts rows of these reports until the transaction ends.
func lockReports(ctx context.Context, tx *sql.Tx, b *batch) (seen []time.Time, err error) {
	found, err := tx.QueryContext(ctx, `
		WITH locked AS (
			INSERT INTO vpn_traffic_reports AS r (host, time)
			SELECT $1, t.time FROM unnest($2::timestamptz[]) AS t (time) ORDER BY t.time
			ON CONFLICT (host, time) DO UPDATE SET deliveries = r.deliveries + 1
			RETURNING time, deliveries)
		SELECT time FROM locked WHERE deliveries > 1 ORDER BY time`, b.host, pq.StringArray(b.times()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var at time.Time
		if err := found.Scan(&at); err != nil {
			return nil, err
		}
		seen = append(seen, at)
	}
	return seen, found.Err()
}

// dropStored takes those rows out of the batch that are stored already. The
// stored rows of the seen reports are read and looked up in the batch, which
// needs neither memory nor a temporary table.
func dropStored(ctx context.Context, tx *sql.Tx, b *batch, seen []time.Time) error {
	stored, err := tx.QueryContext(ctx, `
		SELECT time, src, dst, proto, port FROM vpn_traffic
		WHERE time BETWEEN $1 AND $2 AND host = $3`, seen[0], seen[len(seen)-1], b.host)
	if err != nil {
		return err
	}
	defer func() { _ = stored.Close() }()
	gone := make([]bool, len(b.order))
	for stored.Next() {
		var at time.Time
		var row report.Row
		if err := stored.Scan(&at, &row.Src, &row.Dst, &row.Proto, &row.Port); err != nil {
			return err
		}
		if n, found := b.find(at.UnixMicro(), &row); found {
			gone[n] = true
		}
	}
	b.drop(gone)
	return stored.Err()
}

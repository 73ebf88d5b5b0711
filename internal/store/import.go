package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Result says what became of the rows of an import.
type Result struct {
	Inserted   int
	Duplicates int // rows that were there before, or more than once in the import
	Conflicts  int // those duplicates that had other numbers: of another source under the same host, it seems
	Expired    int // rows of reports that are known, but gone by retention: stored or not, nobody can tell
}

// Import stores rows of a host, all or none, in one transaction, and adds them
// to the rollups. The rows must pass their Check; they are left as they are.
func (db *DB) Import(ctx context.Context, host string, rows []reportfile.Row) (Result, error) {
	return db.ImportRows(ctx, host, Pack(rows))
}

// ImportRows is Import for many rows.
func (db *DB) ImportRows(ctx context.Context, host string, rows *Rows) (Result, error) {
	if rows.Len() == 0 {
		return Result{}, nil
	}
	b := newBatch(host, rows)
	if err := db.ensureDays(ctx, b); err != nil {
		db.AfterError(err)
		return Result{}, err
	}
	done, err := db.importBatch(ctx, b)
	if err != nil {
		db.AfterError(err)
		return Result{}, fmt.Errorf("importing %d rows: %w", rows.Len(), err)
	}
	db.knowValues(done.values)
	db.knowNames(done.names)
	return Result{
		Inserted:   len(b.entries),
		Duplicates: rows.Len() - len(b.entries) - b.expired,
		Conflicts:  b.conflicts,
		Expired:    b.expired,
	}, nil
}

// ensureDays makes the partitions that a batch needs.
func (db *DB) ensureDays(ctx context.Context, b *batch) error {
	last := int64(-1)
	for i := range b.entries {
		day := floor(b.entries[i].us, dayMicros) / dayMicros
		if day == last {
			continue
		}
		if err := db.EnsureDay(ctx, day); err != nil {
			return err
		}
		last = day
	}
	return nil
}

// dropStored takes those rows out of the batch that are stored already, and
// those of expired reports. The stored rows of the seen reports are read, as far
// as they have sources of the batch, and looked up in it, which needs neither
// memory nor a temporary table.
func dropStored(ctx context.Context, tx *sql.Tx, b *batch, reports []batchReport) error {
	first, last := -1, -1
	for n := range reports {
		switch {
		case reports[n].expired:
			b.expire(reports[n].us)
		case reports[n].deliveries > 1:
			if last = n; first < 0 {
				first = n
			}
		}
	}
	if first < 0 {
		return nil
	}
	// IS TRUE keeps the server from asking the index over src: what it finds is of
	// all the day.
	stored, err := tx.QueryContext(ctx, `
		SELECT time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes,
			connection_times, connection_count, coalesce(open_connections, -1) FROM vpn_traffic
		WHERE time BETWEEN $1 AND $2 AND host = $3 AND (src = ANY ($4)) IS TRUE`,
		reports[first].at(), reports[last].at(), b.host, pq.StringArray(b.sources()))
	if err != nil {
		return err
	}
	defer func() { _ = stored.Close() }()
	gone := make([]bool, len(b.entries))
	for stored.Next() {
		var at time.Time
		var row reportfile.Row
		var p packedRow
		t := &p.traffic
		if err := stored.Scan(&at, &row.Src, &row.Dst, &row.Proto, &row.Port, &t[0], &t[1], &t[2], &t[3], &t[4], &p.count, &p.open); err != nil {
			return err
		}
		if n, found := b.find(at.UnixMicro(), &row); found {
			gone[n] = true
			if p.conflicts(b.row(&b.entries[n])) {
				b.conflicts++
			}
		}
	}
	b.drop(gone)
	return stored.Err()
}

package store

import (
	"context"
	"fmt"

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
	if err := db.importBatch(ctx, b); err != nil {
		db.AfterError(err)
		return Result{}, fmt.Errorf("importing %d rows: %w", rows.Len(), err)
	}
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

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Status is what a sink says of itself. Its counters count since Started.
type Status struct {
	Sink    string // machine and spool
	Started time.Time

	Rows, Duplicates, Expired, Rejected, Reports int64

	SpoolFiles, SpoolBytes int64
	SpoolOldest            time.Time     // when the oldest report that waits arrived; zero when none does
	LastCommit             time.Time     // zero before the first
	PerReport              time.Duration // that the last import took
}

// SaveStatus writes the row of a sink in sink_status.
func (db *DB) SaveStatus(ctx context.Context, s Status) error {
	_, err := db.Pool.ExecContext(ctx, `
		INSERT INTO sink_status VALUES ($1, $2, now(), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (sink) DO UPDATE SET started = EXCLUDED.started, updated = EXCLUDED.updated, rows = EXCLUDED.rows,
			duplicates = EXCLUDED.duplicates, expired = EXCLUDED.expired, rejected = EXCLUDED.rejected, reports = EXCLUDED.reports,
			spool_files = EXCLUDED.spool_files, spool_bytes = EXCLUDED.spool_bytes, spool_oldest = EXCLUDED.spool_oldest,
			last_commit = EXCLUDED.last_commit, seconds_per_report = EXCLUDED.seconds_per_report`,
		s.Sink, s.Started, s.Rows, s.Duplicates, s.Expired, s.Rejected, s.Reports,
		s.SpoolFiles, s.SpoolBytes, orNull(s.SpoolOldest), orNull(s.LastCommit), s.PerReport.Seconds())
	if err != nil {
		return fmt.Errorf("saving the sink's status: %w", err)
	}
	return nil
}

func orNull(at time.Time) sql.NullTime { return sql.NullTime{Time: at, Valid: !at.IsZero()} }

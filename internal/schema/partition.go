package schema

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
)

const dayMicros = int64(24 * time.Hour / time.Microsecond)

// EnsureDay makes the partitions of a day since the epoch, unless they are known to
// be there.
func (db *DB) EnsureDay(ctx context.Context, day int64) error {
	if db.knowsDay(day) {
		return nil
	}
	if err := db.makeDay(ctx, day); err != nil {
		return fmt.Errorf("making the partition of a day: %w", err)
	}
	return nil
}

// makeDay makes the partitions of a day, of all tables, unless they are there.
func (db *DB) makeDay(ctx context.Context, day int64) error {
	today := time.Now().UnixMicro() / dayMicros
	indexed := !db.indexLater.Load() || day >= today
	err := pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `SELECT vpn_traffic_make_partitions($1, $2)`,
			time.UnixMicro(day*dayMicros).UTC().Format(time.DateOnly), indexed)
		return err
	})
	if err != nil {
		return asDay(day, err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.days[day] = true
	return nil
}

// HasDay reports whether there is a partition of a day.
func (db *DB) HasDay(ctx context.Context, day time.Time) (has bool, err error) {
	if db.knowsDay(day.UnixMicro() / dayMicros) {
		return true, nil
	}
	err = db.Pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_inherits
		WHERE inhparent = to_regclass('vpn_traffic') AND inhrelid = to_regclass('vpn_traffic_' || $1))`, day.UTC().Format("20060102")).Scan(&has)
	return has, err
}

func (db *DB) knowsDay(day int64) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.days[day]
}

// forgetDays makes EnsureDay look again: a partition may have been dropped.
func (db *DB) forgetDays() {
	db.mu.Lock()
	defer db.mu.Unlock()
	clear(db.days)
}

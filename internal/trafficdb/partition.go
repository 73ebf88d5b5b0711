package trafficdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const dayMicros = int64(24 * time.Hour / time.Microsecond)

// ensureDays makes the partitions that a batch needs.
func (db *DB) ensureDays(ctx context.Context, b *batch) error {
	known := int64(-1)
	for i := range b.entries {
		day := floor(b.entries[i].us, dayMicros) / dayMicros
		if day == known {
			continue
		}
		if !db.knowsDay(day) {
			if err := db.makeDay(ctx, day); err != nil {
				return fmt.Errorf("making the partition of a day: %w", err)
			}
		}
		known = day
	}
	return nil
}

// makeDay makes the partitions of a day, of all tables, unless they are there.
func (db *DB) makeDay(ctx context.Context, day int64) error {
	today := time.Now().UnixMicro() / dayMicros
	indexed := !db.indexLater.Load() || day >= today
	err := inTransaction(ctx, db.pool, func(tx *sql.Tx) error {
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
	err = db.pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_inherits
		WHERE inhparent = to_regclass('vpn_traffic') AND inhrelid = to_regclass('vpn_traffic_' || $1))`, day.UTC().Format("20060102")).Scan(&has)
	return has, err
}

func (db *DB) knowsDay(day int64) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.days[day]
}

// forgetDays makes ensureDays look again: a partition may have been dropped.
func (db *DB) forgetDays() {
	db.mu.Lock()
	defer db.mu.Unlock()
	clear(db.days)
}

// forget forgets all that is known about the database: it may be another one.
func (db *DB) forget() {
	db.forgetDays()
	db.forgetNames()
}

// forgetNames makes imports look again what is stored: somebody may have deleted it.
func (db *DB) forgetNames() {
	db.mu.Lock()
	defer db.mu.Unlock()
	clear(db.names)
	clear(db.called)
}

package trafficdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	dayMicros = int64(24 * time.Hour / time.Microsecond)

	// partitionLock is the advisory lock of those who make partitions.
	partitionLock = 0x76706e5f74726166 // "vpn_traf"
)

// Days from firstDay up to lastDay have partitions of their own; the schema has
// one for all days before and one for all days after.
var (
	firstDay = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() / dayMicros
	lastDay  = time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro() / dayMicros
)

// ensureDays makes the partitions that a batch needs.
func (db *DB) ensureDays(ctx context.Context, b *batch) error {
	known := int64(-1)
	for _, i := range b.order {
		day := b.rows[i].Micros() / dayMicros
		if day == known || day < firstDay || day > lastDay {
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

// makeDay makes the partition of a day unless it is there. The table is made
// apart and then attached: that waits for nobody who reads or writes, while
// CREATE TABLE ... PARTITION OF would wait for every open reader.
func (db *DB) makeDay(ctx context.Context, day int64) error {
	from := time.UnixMicro(day * dayMicros).UTC()
	name := "vpn_traffic_" + from.Format("20060102")
	err := inTransaction(ctx, db.pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(partitionLock)); err != nil {
			return err
		}
		var there bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_inherits
			WHERE inhparent = 'vpn_traffic'::regclass AND inhrelid = to_regclass($1))`, name).Scan(&there)
		if err != nil || there {
			return err
		}
		const day = "2006-01-02 15:04:05+00"
		_, err = tx.ExecContext(ctx, fmt.Sprintf(`
			CREATE TABLE %[1]s (LIKE vpn_traffic INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
			ALTER TABLE vpn_traffic ATTACH PARTITION %[1]s FOR VALUES FROM ('%[2]s') TO ('%[3]s')`,
			name, from.Format(day), from.AddDate(0, 0, 1).Format(day)))
		return err
	})
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.days[day] = true
	return nil
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

package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/lib/pq"
)

// dayValue is a value that a column held on a day.
type dayValue struct {
	kind, value string
	day         int64 // since the epoch
}

// maxKnown bounds the memory for values, and for names, that are known to be stored.
const maxKnown = 100_000

// unsavedValues returns the values of a batch that are not known to be stored. The
// hourly rollups have all values, and few rows.
func (db *DB) unsavedValues(b *batch, all rollups) (unsaved []dayValue) {
	db.mu.Lock()
	defer db.mu.Unlock()
	seen := make(map[dayValue]bool)
	note := func(kind, value string, us int64) {
		v := dayValue{kind, value, floor(us, dayMicros) / dayMicros}
		if !db.values[v] && !seen[v] {
			seen[v] = true
			unsaved = append(unsaved, v)
		}
	}
	for _, row := range all["vpn_traffic_hour_by_src"].rows {
		note("src", b.texts[row.src], row.us)
	}
	for _, row := range all["vpn_traffic_hour_by_dst"].rows {
		note("dst", b.texts[row.dst], row.us)
	}
	for _, row := range all["vpn_traffic_hour_by_port"].rows {
		note("host", b.host, row.us)
		note("proto", b.texts[row.proto], row.us)
		note("port", strconv.Itoa(int(row.port)), row.us)
	}
	return unsaved
}

// knowValues takes note that values are stored.
func (db *DB) knowValues(values []dayValue) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.values)+len(values) > maxKnown {
		clear(db.values)
	}
	for _, v := range values {
		db.values[v] = true
	}
}

// storeValues widens the days of values to those of the given ones. Rows that
// would not change are not touched, so that imports hardly ever meet here.
func storeValues(ctx context.Context, tx *sql.Tx, values []dayValue) error {
	if len(values) == 0 {
		return nil
	}
	kinds, texts, days := make(pq.StringArray, len(values)), make(pq.StringArray, len(values)), make(pq.StringArray, len(values))
	for i, v := range values {
		kinds[i], texts[i], days[i] = v.kind, v.value, time.UnixMicro(v.day*dayMicros).UTC().Format(time.DateOnly)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO vpn_traffic_values AS v (kind, value, first_day, last_day)
		SELECT kind, value, min(day), max(day) FROM unnest($1::text[], $2::text[], $3::date[]) AS n (kind, value, day)
		GROUP BY kind, value ORDER BY kind COLLATE "C", value COLLATE "C"
		ON CONFLICT (kind, value) DO UPDATE SET
			first_day = least(v.first_day, EXCLUDED.first_day), last_day = greatest(v.last_day, EXCLUDED.last_day)
		WHERE v.first_day > EXCLUDED.first_day OR v.last_day < EXCLUDED.last_day`, kinds, texts, days)
	return err
}

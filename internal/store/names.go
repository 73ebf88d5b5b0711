package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/lib/pq"
)

// name is a value that a column held on a day.
type name struct {
	kind, value string
	day         int64 // since the epoch
}

// maxKnownNames bounds the memory for names that are known to be stored.
const maxKnownNames = 100_000

// newNames returns what the rows of a batch name that is not known to be
// stored. The hourly rollups have all names, and few rows.
func (db *DB) newNames(b *batch, all rollups) (news []name) {
	db.mu.Lock()
	defer db.mu.Unlock()
	seen := make(map[name]bool)
	note := func(kind, value string, us int64) {
		n := name{kind, value, floor(us, dayMicros) / dayMicros}
		if !db.names[n] && !seen[n] {
			seen[n] = true
			news = append(news, n)
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
	return news
}

// knowNames takes note that names are stored.
func (db *DB) knowNames(names []name) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.names)+len(names) > maxKnownNames {
		clear(db.names)
	}
	for _, n := range names {
		db.names[n] = true
	}
}

// storeNames widens the days of names to those of the given ones. Rows that
// would not change are not touched, so that imports hardly ever meet here.
func storeNames(ctx context.Context, tx *sql.Tx, names []name) error {
	if len(names) == 0 {
		return nil
	}
	kinds, values, days := make(pq.StringArray, len(names)), make(pq.StringArray, len(names)), make(pq.StringArray, len(names))
	for i, n := range names {
		kinds[i], values[i], days[i] = n.kind, n.value, time.UnixMicro(n.day*dayMicros).UTC().Format(time.DateOnly)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO vpn_traffic_values AS v (kind, value, first_day, last_day)
		SELECT kind, value, min(day), max(day) FROM unnest($1::text[], $2::text[], $3::date[]) AS n (kind, value, day)
		GROUP BY kind, value ORDER BY kind COLLATE "C", value COLLATE "C"
		ON CONFLICT (kind, value) DO UPDATE SET
			first_day = least(v.first_day, EXCLUDED.first_day), last_day = greatest(v.last_day, EXCLUDED.last_day)
		WHERE v.first_day > EXCLUDED.first_day OR v.last_day < EXCLUDED.last_day`, kinds, values, days)
	return err
}

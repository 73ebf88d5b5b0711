package trafficdb

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/lib/pq"

	"telegraf-conntrack-accounting/internal/report"
)

// name is a value that a column held on a day.
type name struct {
	kind, value string
	day         int64 // since the epoch
}

// maxKnownNames bounds the memory for names that are known to be stored.
const maxKnownNames = 100_000

// newNames returns what the batch's rows name that is not known to be stored.
func (db *DB) newNames(b *batch) []name {
	db.mu.Lock()
	defer db.mu.Unlock()
	var news []name
	seen := make(map[name]bool)
	note := func(n name) {
		if !db.names[n] && !seen[n] {
			seen[n] = true
			news = append(news, n)
		}
	}
	var last *report.Row
	for _, i := range b.order {
		row := &b.rows[i]
		day := floor(row.Micros(), dayMicros) / dayMicros
		if last == nil || last.Time != row.Time {
			note(name{"host", b.host, day})
			last = nil
		}
		if last == nil || last.Src != row.Src {
			note(name{"src", row.Src, day})
		}
		note(name{"dst", row.Dst, day})
		if last == nil || last.Port != row.Port || last.Proto != row.Proto {
			note(name{"port", strconv.Itoa(int(row.Port)), day})
			note(name{"proto", row.Proto, day})
		}
		last = row
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
		INSERT INTO vpn_traffic_names AS v (kind, name, first_day, last_day)
		SELECT kind, name, min(day), max(day) FROM unnest($1::text[], $2::text[], $3::date[]) AS n (kind, name, day)
		GROUP BY kind, name ORDER BY kind COLLATE "C", name COLLATE "C"
		ON CONFLICT (kind, name) DO UPDATE SET
			first_day = least(v.first_day, EXCLUDED.first_day), last_day = greatest(v.last_day, EXCLUDED.last_day)
		WHERE v.first_day > EXCLUDED.first_day OR v.last_day < EXCLUDED.last_day`, kinds, values, days)
	return err
}

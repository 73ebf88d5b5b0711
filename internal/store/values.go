package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// dayValue is a value that a column held on a day.
type dayValue struct {
	kind, value string
	day         int64 // since the epoch
}

// storeValues stores the values of a batch that are not known to be stored.
func (i *importing) storeValues(ctx context.Context) error {
	i.values = i.unsavedValues()
	if len(i.values) == 0 {
		return nil
	}
	var kinds, texts, days []string
	for v := range i.values {
		kinds, texts, days = append(kinds, v.kind), append(texts, v.value), append(days, time.UnixMicro(v.day*dayMicros).UTC().Format(time.DateOnly))
	}
	// Rows that would not change are not touched, so that imports hardly ever meet here.
	_, err := i.tx.ExecContext(ctx, `
		INSERT INTO vpn_traffic_values AS v (kind, value, first_day, last_day)
		SELECT kind, value, min(day), max(day) FROM unnest($1::text[], $2::text[], $3::date[]) AS n (kind, value, day)
		GROUP BY kind, value ORDER BY kind COLLATE "C", value COLLATE "C"
		ON CONFLICT (kind, value) DO UPDATE SET
			first_day = least(v.first_day, EXCLUDED.first_day), last_day = greatest(v.last_day, EXCLUDED.last_day)
		WHERE v.first_day > EXCLUDED.first_day OR v.last_day < EXCLUDED.last_day`, kinds, texts, days)
	return err
}

// unsavedValues returns the values of a batch that are not known to be stored. The
// hourly rollups have all values, and few rows.
func (i *importing) unsavedValues() map[dayValue]bool {
	i.db.mu.Lock()
	defer i.db.mu.Unlock()
	unsaved := make(map[dayValue]bool)
	note := func(kind, value string, us int64) {
		v := dayValue{kind, value, floor(us, dayMicros) / dayMicros}
		if !i.db.values[v] {
			unsaved[v] = true
		}
	}
	for _, row := range i.sums["vpn_traffic_hour_by_src"].rows {
		note("src", i.batch.texts[row.src], row.us)
	}
	for _, row := range i.sums["vpn_traffic_hour_by_dst"].rows {
		note("dst", i.batch.texts[row.dst], row.us)
	}
	for _, row := range i.sums["vpn_traffic_hour_by_port"].rows {
		note("host", i.batch.host, row.us)
		note("proto", i.batch.texts[row.proto], row.us)
		note("port", strconv.Itoa(int(row.port)), row.us)
	}
	return unsaved
}

// Hosts returns the hosts that have rows, in order. Rows without a host add "".
func (db *DB) Hosts(ctx context.Context) ([]string, error) {
	hosts, err := listOf(ctx, db.Pool, func(scan scanner, host *string) error { return scan(host) },
		`SELECT value FROM vpn_traffic_values WHERE kind = 'host' ORDER BY value`)
	if err != nil {
		return nil, fmt.Errorf("listing hosts: %w", err)
	}
	return hosts, nil
}

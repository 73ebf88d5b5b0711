package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// endpoint is a value of src or dst (kind) in the reports of a host.
type endpoint struct{ host, kind, address string }

// nameSpan says that an endpoint is known to have had a name from a time until before
// another.
type nameSpan struct {
	name        string
	from, until int64
}

// namesHold is for how long, in the time of reports, it is taken for granted
// that nobody else has changed the log: another sink may import late reports of
// the same host.
const namesHold = hourMicros

// unsavedNames returns the names in the rows of a batch that are not known to be in
// the log: mostly none.
func (db *DB) unsavedNames(b *batch) (unsaved []observation) {
	all := b.observations()
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, n := range all {
		known, found := db.names[endpoint{b.host, n.kind, b.texts[n.id]}]
		if !found || len(n.runs) > 1 || n.runs[0].name != known.name || n.first() < known.from || n.last() >= known.until {
			unsaved = append(unsaved, n)
		}
	}
	return unsaved
}

// knowNames takes note of what is in the log.
func (db *DB) knowNames(spans map[endpoint]nameSpan) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.names)+len(spans) > maxKnown {
		clear(db.names)
	}
	for e, c := range spans {
		db.names[e] = c
	}
}

// logNames adds the names in the rows of a batch to the log, and returns what is
// known then. Only what changes something is written, under a lock of
// the table: nobody who writes waits for anything else after it.
func (db *DB) logNames(ctx context.Context, tx *sql.Tx, b *batch) (map[endpoint]nameSpan, error) {
	unsaved := db.unsavedNames(b)
	if len(unsaved) == 0 {
		return nil, nil
	}
	old, err := readNameLogs(ctx, tx, b, unsaved)
	if err != nil {
		return nil, fmt.Errorf("reading names: %w", err)
	}
	logs := addAll(unsaved, old)
	if !differ(logs, old) {
		return spansIn(b, unsaved, logs), nil
	}
	if err := lockNames(ctx, tx); err != nil {
		return nil, fmt.Errorf("locking names: %w", err)
	}
	if old, err = readNameLogs(ctx, tx, b, unsaved); err != nil {
		return nil, fmt.Errorf("reading names: %w", err)
	}
	logs = addAll(unsaved, old)
	if err := writeNameLogs(ctx, tx, b, unsaved, old, logs); err != nil {
		return nil, fmt.Errorf("writing names: %w", err)
	}
	return spansIn(b, unsaved, logs), nil
}

func addAll(unsaved []observation, old []nameLog) []nameLog {
	logs := make([]nameLog, len(unsaved))
	for i := range unsaved {
		logs[i] = unsaved[i].addTo(old[i])
	}
	return logs
}

func differ(logs, old []nameLog) bool {
	for i := range logs {
		if len(logs[i].minus(old[i])) > 0 {
			return true
		}
	}
	return false
}

// spansIn returns what logs say of the times of the last rows.
func spansIn(b *batch, unsaved []observation, logs []nameLog) map[endpoint]nameSpan {
	known := make(map[endpoint]nameSpan, len(unsaved))
	for i := range unsaved {
		last := unsaved[i].last()
		next, until := logs[i].after(last), last+namesHold
		if next < len(logs[i]) {
			until = min(until, logs[i][next].us)
		}
		e := logs[i][next-1]
		known[endpoint{b.host, unsaved[i].kind, b.texts[unsaved[i].id]}] = nameSpan{e.name, e.us, until}
	}
	return known
}

// lockNames waits until no other import writes names. Readers cannot take this
// lock, nor are they in its way.
func lockNames(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `LOCK TABLE vpn_traffic_name_history IN SHARE ROW EXCLUSIVE MODE`)
	return err
}

// readNameLogs reads, for each observation, what is in force at its first row
// and all that follows until after its last. People may have written rows that
// are in force since ever.
func readNameLogs(ctx context.Context, tx *sql.Tx, b *batch, unsaved []observation) ([]nameLog, error) {
	kinds, addresses := make(pq.StringArray, len(unsaved)), make(pq.StringArray, len(unsaved))
	first, last := make(pq.StringArray, len(unsaved)), make(pq.StringArray, len(unsaved))
	for i := range unsaved {
		kinds[i], addresses[i] = unsaved[i].kind, b.texts[unsaved[i].id]
		first[i], last[i] = string(appendTime(nil, unsaved[i].first())), string(appendTime(nil, unsaved[i].last()))
	}
	found, err := tx.QueryContext(ctx, `
		SELECT w.n - 1, greatest('0001-01-01 00:00:00+00', least(l.since, '9999-12-31 00:00:00+00')), l.name
		FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY AS w (kind, address, first, last, n)
		CROSS JOIN LATERAL (
			(SELECT since, name FROM vpn_traffic_name_history
				WHERE kind = w.kind AND address = w.address AND host = $1 AND since <= w.first ORDER BY since DESC LIMIT 1)
			UNION ALL
			SELECT since, name FROM vpn_traffic_name_history
				WHERE kind = w.kind AND address = w.address AND host = $1 AND since > w.first AND since <= w.last
			UNION ALL
			(SELECT since, name FROM vpn_traffic_name_history
				WHERE kind = w.kind AND address = w.address AND host = $1 AND since > w.last ORDER BY since LIMIT 1)
		) AS l ORDER BY w.n, l.since`, b.host, kinds, addresses, first, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	logs := make([]nameLog, len(unsaved))
	for found.Next() {
		var i int
		var since time.Time
		var name string
		if err := found.Scan(&i, &since, &name); err != nil {
			return nil, err
		}
		logs[i] = append(logs[i], nameEntry{since.UnixMicro(), name})
	}
	return logs, found.Err()
}

// changes are rows of the log.
type changes struct{ kinds, addresses, times, names pq.StringArray }

func (c *changes) add(kind, address string, entries []nameEntry) {
	for _, e := range entries {
		c.kinds, c.addresses = append(c.kinds, kind), append(c.addresses, address)
		c.times, c.names = append(c.times, string(appendTime(nil, e.us))), append(c.names, e.name)
	}
}

// writeNameLogs makes of the old logs the new ones. An entry that began earlier
// than it was known to is a new one.
func writeNameLogs(ctx context.Context, tx *sql.Tx, b *batch, unsaved []observation, old, logs []nameLog) error {
	var gone, added changes
	for i := range unsaved {
		address := b.texts[unsaved[i].id]
		gone.add(unsaved[i].kind, address, old[i].minus(logs[i]))
		added.add(unsaved[i].kind, address, logs[i].minus(old[i]))
	}
	if len(gone.kinds) > 0 {
		_, err := tx.ExecContext(ctx, `DELETE FROM vpn_traffic_name_history AS l
			USING unnest($2::text[], $3::text[], $4::timestamptz[]) AS g (kind, address, since)
			WHERE l.kind = g.kind AND l.address = g.address AND l.host = $1 AND l.since = g.since`,
			b.host, gone.kinds, gone.addresses, gone.times)
		if err != nil {
			return err
		}
	}
	if len(added.kinds) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO vpn_traffic_name_history (kind, address, host, since, name)
		SELECT kind, address, $1, since, name
		FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS a (kind, address, since, name)
		ON CONFLICT DO NOTHING`, b.host, added.kinds, added.addresses, added.times, added.names)
	return err
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// end is a value of src or dst (kind) in the reports of a host.
type end struct{ host, kind, address string }

// called says that an end is known to have had a name from a time until before
// another.
type called struct {
	name        string
	from, until int64
}

// namesHold is for how long, in the time of reports, it is taken for granted
// that nobody else has changed the log: another sink may import late reports of
// the same host.
const namesHold = hourMicros

// newNamings returns what the rows of a batch call addresses that is not known
// to be in the log: mostly nothing.
func (db *DB) newNamings(b *batch) (news []naming) {
	all := b.namings()
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, n := range all {
		known, found := db.called[end{b.host, n.kind, b.texts[n.id]}]
		if !found || len(n.runs) > 1 || n.runs[0].name != known.name || n.first() < known.from || n.last() >= known.until {
			news = append(news, n)
		}
	}
	return news
}

// knowCalled takes note of what is in the log.
func (db *DB) knowCalled(ends map[end]called) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.called)+len(ends) > maxKnownNames {
		clear(db.called)
	}
	for e, c := range ends {
		db.called[e] = c
	}
}

// logNames adds to the log what the rows of a batch call addresses, and returns
// what is known then. Only what changes something is written, under a lock of
// the table: nobody who writes waits for anything else after it.
func (db *DB) logNames(ctx context.Context, tx *sql.Tx, b *batch) (map[end]called, error) {
	news := db.newNamings(b)
	if len(news) == 0 {
		return nil, nil
	}
	old, err := readNameLogs(ctx, tx, b, news)
	if err != nil {
		return nil, fmt.Errorf("reading names: %w", err)
	}
	logs := tellAll(news, old)
	if !differ(logs, old) {
		return calledIn(b, news, logs), nil
	}
	if err := lockNames(ctx, tx); err != nil {
		return nil, fmt.Errorf("locking names: %w", err)
	}
	if old, err = readNameLogs(ctx, tx, b, news); err != nil {
		return nil, fmt.Errorf("reading names: %w", err)
	}
	logs = tellAll(news, old)
	if err := writeNameLogs(ctx, tx, b, news, old, logs); err != nil {
		return nil, fmt.Errorf("writing names: %w", err)
	}
	return calledIn(b, news, logs), nil
}

func tellAll(news []naming, old []nameLog) []nameLog {
	logs := make([]nameLog, len(news))
	for i := range news {
		logs[i] = news[i].tell(old[i])
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

// calledIn returns what logs say of the times of the last rows.
func calledIn(b *batch, news []naming, logs []nameLog) map[end]called {
	known := make(map[end]called, len(news))
	for i := range news {
		last := news[i].last()
		next, until := logs[i].after(last), last+namesHold
		if next < len(logs[i]) {
			until = min(until, logs[i][next].us)
		}
		e := logs[i][next-1]
		known[end{b.host, news[i].kind, b.texts[news[i].id]}] = called{e.name, e.us, until}
	}
	return known
}

// lockNames waits until no other import writes names. Readers cannot take this
// lock, nor are they in its way.
func lockNames(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `LOCK TABLE vpn_traffic_name_history IN SHARE ROW EXCLUSIVE MODE`)
	return err
}

// readNameLogs reads, for each of the namings, what is in force at its first row
// and all that follows until after its last. People may have written rows that
// are in force since ever.
func readNameLogs(ctx context.Context, tx *sql.Tx, b *batch, news []naming) ([]nameLog, error) {
	kinds, addresses := make(pq.StringArray, len(news)), make(pq.StringArray, len(news))
	first, last := make(pq.StringArray, len(news)), make(pq.StringArray, len(news))
	for i := range news {
		kinds[i], addresses[i] = news[i].kind, b.texts[news[i].id]
		first[i], last[i] = string(appendTime(nil, news[i].first())), string(appendTime(nil, news[i].last()))
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
	logs := make([]nameLog, len(news))
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
func writeNameLogs(ctx context.Context, tx *sql.Tx, b *batch, news []naming, old, logs []nameLog) error {
	var gone, added changes
	for i := range news {
		address := b.texts[news[i].id]
		gone.add(news[i].kind, address, old[i].minus(logs[i]))
		added.add(news[i].kind, address, logs[i].minus(old[i]))
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

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
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

// logNames adds the names in the rows of the batch to the log. Only what changes
// something is written, under a lock of the table, which readers neither wait for nor
// hold up: nobody who writes waits for anything else after it.
func (i *importing) logNames(ctx context.Context) error {
	unsaved := i.unsavedNames()
	if len(unsaved) == 0 {
		return nil
	}
	changes, err := i.compareNames(ctx, unsaved)
	if err != nil || len(changes.gone.kinds)+len(changes.added.kinds) == 0 {
		return err
	}
	if _, err := i.tx.ExecContext(ctx, `LOCK TABLE vpn_traffic_name_history IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	if changes, err = i.compareNames(ctx, unsaved); err != nil {
		return err
	}
	return changes.write(ctx, i.tx, i.batch.host)
}

// unsavedNames returns the names in the rows of the batch that are not known to be in
// the log: mostly none.
func (i *importing) unsavedNames() (unsaved []observation) {
	all := i.batch.observations()
	i.db.mu.Lock()
	defer i.db.mu.Unlock()
	for _, o := range all {
		known, found := i.db.names[o.endpoint]
		if !found || len(o.runs) > 1 || o.runs[0].name != known.name || o.first() < known.from || o.last() >= known.until {
			unsaved = append(unsaved, o)
		}
	}
	return unsaved
}

// compareNames compares observations with the log. It notes what the log says of each
// at the time of its last row, once the changes are made.
func (i *importing) compareNames(ctx context.Context, unsaved []observation) (c nameChanges, err error) {
	logs, err := i.readNameLogs(ctx, unsaved)
	if err != nil {
		return c, fmt.Errorf("reading names: %w", err)
	}
	i.names = make(map[endpoint]nameSpan, len(unsaved))
	for n := range unsaved {
		o := &unsaved[n]
		log := o.addTo(logs[n])
		c.gone.add(&o.endpoint, logs[n].minus(log)) // what began earlier than it was known to is a new entry
		c.added.add(&o.endpoint, log.minus(logs[n]))
		next, until := log.after(o.last()), o.last()+namesHold
		if next < len(log) {
			until = min(until, log[next].us)
		}
		i.names[o.endpoint] = nameSpan{log[next-1].name, log[next-1].us, until}
	}
	return c, nil
}

// readNameLogs reads, for each observation, what is in force at its first row
// and all that follows until after its last. People may have written rows that
// are in force since ever.
func (i *importing) readNameLogs(ctx context.Context, unsaved []observation) ([]nameLog, error) {
	var kinds, addresses []string
	var first, last []int64
	for n := range unsaved {
		o := &unsaved[n]
		kinds, addresses = append(kinds, o.kind), append(addresses, o.address)
		first, last = append(first, o.first()), append(last, o.last())
	}
	logs := make([]nameLog, len(unsaved))
	err := eachRow(ctx, i.tx, func(scan scanner) error {
		var n int
		var since time.Time
		var name string
		if err := scan(&n, &since, &name); err != nil {
			return err
		}
		logs[n] = append(logs[n], nameEntry{since.UnixMicro(), name})
		return nil
	}, `SELECT w.n - 1, greatest('0001-01-01 00:00:00+00', least(l.since, '9999-12-31 00:00:00+00')), l.name
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
		) AS l ORDER BY w.n, l.since`, i.batch.host, kinds, addresses, timeTexts(first), timeTexts(last))
	return logs, err
}

// nameChanges are entries to delete from the log, and those to add.
type nameChanges struct{ gone, added nameEntries }

// nameEntries are entries of the log, column by column.
type nameEntries struct {
	kinds, addresses, names []string
	times                   []int64
}

func (n *nameEntries) add(of *endpoint, entries []nameEntry) {
	for _, e := range entries {
		n.kinds, n.addresses = append(n.kinds, of.kind), append(n.addresses, of.address)
		n.times, n.names = append(n.times, e.us), append(n.names, e.name)
	}
}

func (c *nameChanges) write(ctx context.Context, tx *sql.Tx, host string) error {
	if len(c.gone.kinds) > 0 {
		_, err := tx.ExecContext(ctx, `DELETE FROM vpn_traffic_name_history AS l
			USING unnest($2::text[], $3::text[], $4::timestamptz[]) AS g (kind, address, since)
			WHERE l.kind = g.kind AND l.address = g.address AND l.host = $1 AND l.since = g.since`,
			host, c.gone.kinds, c.gone.addresses, timeTexts(c.gone.times))
		if err != nil {
			return fmt.Errorf("deleting names: %w", err)
		}
	}
	if len(c.added.kinds) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO vpn_traffic_name_history (kind, address, host, since, name)
		SELECT kind, address, $1, since, name
		FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS a (kind, address, since, name)
		ON CONFLICT DO NOTHING`, host, c.added.kinds, c.added.addresses, timeTexts(c.added.times), c.added.names)
	return err
}

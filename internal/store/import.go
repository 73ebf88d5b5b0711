package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
)

// Result says what became of the rows of an import.
type Result struct {
	Inserted   int
	Duplicates int // rows that were there before, or more than once in the import
	Conflicts  int // those duplicates that had other numbers: of another source under the same host, it seems
	Expired    int // rows of reports that are known, but gone by retention: stored or not, nobody can tell
}

// Import stores rows of a host, all or none, in one transaction, and adds them
// to the rollups. The rows must pass their Check; they are left as they are.
func (db *DB) Import(ctx context.Context, host string, rows []reportfile.Row) (Result, error) {
	return db.ImportRows(ctx, host, Pack(rows))
}

// ImportRows is Import for many rows.
func (db *DB) ImportRows(ctx context.Context, host string, rows *Rows) (Result, error) {
	if rows.Len() == 0 {
		return Result{}, nil
	}
	b := newBatch(host, rows)
	if err := db.ensureDays(ctx, b); err != nil {
		db.AfterError(err)
		return Result{}, err
	}
	if err := db.importBatch(ctx, b); err != nil {
		db.AfterError(err)
		return Result{}, fmt.Errorf("importing %d rows: %w", rows.Len(), err)
	}
	return Result{
		Inserted:   len(b.entries),
		Duplicates: rows.Len() - len(b.entries) - b.expired,
		Conflicts:  b.conflicts,
		Expired:    b.expired,
	}, nil
}

// ensureDays makes the partitions that a batch needs.
func (db *DB) ensureDays(ctx context.Context, b *batch) error {
	last := int64(-1)
	for i := range b.entries {
		day := floor(b.entries[i].us, dayMicros) / dayMicros
		if day == last {
			continue
		}
		if err := db.EnsureDay(ctx, day); err != nil {
			return err
		}
		last = day
	}
	return nil
}

// importing is the transaction of an import. Each step leaves there what later ones need.
//
// All imports take their locks in this order, so that no two wait for each other:
//
//  1. rows of vpn_traffic_reports, by time: nobody else adds rows of these reports;
//  2. rows of vpn_traffic_minute_reports, by time, then of vpn_traffic_hour_reports:
//     nobody else adds sums of a bucket whose first reports these are;
//  3. rows of vpn_traffic_summed_up, by id: what is made of the sums does not hold;
//  4. rows of the rollups, in the order of schema.Rollups, then of their keys;
//  5. rows of vpn_traffic_values, by kind and value, if one is new on its day;
//  6. vpn_traffic_name_history as a whole, if a name differs.
//
// Verify, when it repairs, and Forget lock vpn_traffic_reports as a whole before all else.
type importing struct {
	db    *DB
	conn  *sql.Conn
	tx    *sql.Tx
	batch *batch

	server  time.Time             // when it started, which tells it from others
	reports []batchReport         // those of the batch
	buckets newBuckets            // those that have no sums yet
	sums    rollups               // of the rows that are new
	values  map[dayValue]bool     // that were stored
	names   map[endpoint]nameSpan // that the log has now
}

// importBatch stores a batch, and remembers what is stored then.
func (db *DB) importBatch(ctx context.Context, b *batch) error {
	conn, err := db.Pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	i := &importing{db: db, conn: conn, batch: b}
	if err := pgconn.InTransaction(ctx, conn, func(tx *sql.Tx) error {
		i.tx = tx
		return i.run(ctx)
	}); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if i.server.Equal(db.server) { // and no other import has met another one meanwhile
		remember(db.values, i.values)
		remember(db.names, i.names)
	}
	return nil
}

// maxKnown bounds how many values, and how many names, are remembered as stored.
const maxKnown = 100_000

// remember adds to what is known to be stored.
func remember[K comparable, V any](known, more map[K]V) {
	if len(known)+len(more) > maxKnown {
		clear(known)
	}
	maps.Copy(known, more)
}

func (i *importing) run(ctx context.Context) error {
	for _, step := range [...]struct {
		doing string
		do    func(context.Context) error
	}{
		{"locking reports", i.lockReports},
		{"reading stored rows", i.dropStored},
		{"noting reports", i.noteTracked},
		{"counting reports", i.countReports},
		{"noting that longer sums do not hold", i.outdateSums},
		{"storing rows", i.storeRows},
		{"adding to rollups", i.storeRollups},
		{"storing values", i.storeValues},
		{"storing names", i.logNames},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return nil
}

// dropStored takes those rows out of the batch that are stored already, and
// those of expired reports. The stored rows of the seen reports are read, as far
// as they have sources of the batch, and looked up in it, which needs neither
// memory nor a temporary table.
func (i *importing) dropStored(ctx context.Context) error {
	var first, last *batchReport
	for n := range i.reports {
		switch r := &i.reports[n]; {
		case r.expired:
			i.batch.expire(r.us)
		case r.deliveries > 1:
			if last = r; first == nil {
				first = r
			}
		}
	}
	if first == nil {
		return nil
	}
	gone := make([]bool, len(i.batch.entries))
	// IS TRUE keeps the server from asking the index over src: what it finds is of
	// all the day.
	err := eachRow(ctx, i.tx, func(scan scanner) error {
		var at time.Time
		var row reportfile.Row
		var p packedRow
		t := &p.traffic
		if err := scan(&at, &row.Src, &row.Dst, &row.Proto, &row.Port, &t[0], &t[1], &t[2], &t[3], &t[4], &p.count, &p.open); err != nil {
			return err
		}
		if n, found := i.batch.find(at.UnixMicro(), &row); found {
			gone[n] = true
			if p.conflicts(i.batch.row(&i.batch.entries[n])) {
				i.batch.conflicts++
			}
		}
		return nil
	}, `SELECT time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes,
			connection_times, connection_count, coalesce(open_connections, -1) FROM vpn_traffic
		WHERE time BETWEEN $1 AND $2 AND host = $3 AND (src = ANY ($4)) IS TRUE`,
		time.UnixMicro(first.us), time.UnixMicro(last.us), i.batch.host, i.batch.sources())
	i.batch.drop(gone)
	return err
}

func (i *importing) storeRows(context.Context) error {
	if len(i.batch.entries) == 0 {
		return nil
	}
	return copyRows(i.conn, i.batch)
}

// storeRollups adds the rows of the batch to all rollups.
func (i *importing) storeRollups(ctx context.Context) error {
	i.sums = newRollups(i.batch)
	for n := range schema.Rollups {
		t := &schema.Rollups[n]
		copied, merged := i.buckets.split(t, fit(t, i.sums[t.Name].sorted()))
		if len(copied) > 0 {
			if err := copyRollup(i.conn, t, i.batch, copied); err != nil {
				return fmt.Errorf("%s: %w", t.Name, orphan(t, err))
			}
		}
		if len(merged) > 0 {
			if err := mergeRollup(ctx, i.tx, t, i.batch, merged); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
	}
	return nil
}

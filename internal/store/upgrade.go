package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// upgradeRows are the rows of one transaction of an upgrade.
const upgradeRows = 100_000

// Upgraded says how far an upgrade is.
type Upgraded struct {
	Result
	Total    int64     // rows of the old table, as the server estimates them
	Rejected int       // rows that cannot be rows, such as those without a src
	Reason   error     // of the first of them
	Until    time.Time // all older rows are done
}

// Upgrade brings the rows of the old importer's table into this version's, and
// the rollups with them. The old table is renamed to vpn_traffic_old first and
// never changed, so that sinks can store new rows meanwhile. An upgrade that
// was broken off goes on where it was. It calls told after each transaction.
//
// Where rows are older than begin, which retention would drop at once, it changes
// nothing and returns a schema.PastRetention.
//
// Old rows name no gateway: their host is empty.
func (db *DB) Upgrade(ctx context.Context, begin time.Time, told func(Upgraded)) (Upgraded, error) {
	if err := db.RefusePast(ctx, begin); err != nil {
		return Upgraded{}, err
	}
	if err := db.RenameOldTable(ctx); err != nil {
		return Upgraded{}, fmt.Errorf("renaming the old table: %w", err)
	}
	if err := db.Migrate(ctx); err != nil {
		return Upgraded{}, err
	}
	if err := db.GrantAsBefore(ctx); err != nil {
		return Upgraded{}, err
	}
	db.IndexLater()
	u := &upgrade{db: db, told: told}
	if err := u.begin(ctx); err != nil {
		return u.Upgraded, fmt.Errorf("beginning the upgrade: %w", err)
	}
	if err := u.copyOldRows(ctx); err != nil {
		return u.Upgraded, fmt.Errorf("upgrading rows from %s on: %w", u.Until.Format(time.RFC3339), err)
	}
	if err := db.Index(ctx, func(string) {}); err != nil {
		return u.Upgraded, err
	}
	// Run again, it begins anew and finds what is there.
	if _, err := db.Pool.ExecContext(ctx, `DELETE FROM vpn_traffic_upgrade`); err != nil {
		return u.Upgraded, fmt.Errorf("ending the upgrade: %w", err)
	}
	return u.Upgraded, nil
}

// upgrade is an upgrade under way.
type upgrade struct {
	Upgraded
	db   *DB
	told func(Upgraded)
	rows Rows
}

// begin finds out where to begin. The row of vpn_traffic_upgrade says which
// times are done; it goes with vpn_traffic_old.
func (u *upgrade) begin(ctx context.Context) error {
	_, err := u.db.Pool.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS vpn_traffic_upgrade (until timestamptz PRIMARY KEY)`)
	if err != nil {
		return err
	}
	err = u.db.Pool.QueryRowContext(ctx, `SELECT
		coalesce((SELECT max(until) FROM vpn_traffic_upgrade), '0001-01-01 00:00:00+00'),
		(SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'vpn_traffic_old'::regclass)`).Scan(&u.Until, &u.Total)
	return err
}

// copyOldRows reads in the order of time, which also keeps BRIN indexes narrow.
// A row without a time comes last.
func (u *upgrade) copyOldRows(ctx context.Context) error {
	err := eachRow(ctx, u.db.Pool, func(scan scanner) error {
		var row reportfile.Row
		var at sql.NullTime
		var open sql.NullInt64
		err := scan(&at, &row.Src, &row.Dst, &row.Proto, &row.Port, &row.SrcPackets, &row.SrcBytes, &row.DstPackets, &row.DstBytes,
			&row.ConnectionTimes, &row.ConnectionCount, &open)
		if err != nil {
			return err
		}
		row.Time, row.OpenConnections, row.HasOpen = at.Time.UnixMicro()*1000, open.Int64, open.Valid
		return u.add(ctx, &row, at.Valid)
	}, `SELECT time, coalesce(src, ''), coalesce(dst, ''), coalesce(proto, ''), coalesce(port, -1),
		coalesce(src_packets, 0), coalesce(src_bytes, 0), coalesce(dst_packets, 0), coalesce(dst_bytes, 0),
		coalesce(connection_times, 0), coalesce(connection_count, 0), open_connections
		FROM vpn_traffic_old WHERE time >= $1 OR time IS NULL ORDER BY time NULLS LAST`, u.Until)
	if err != nil {
		return err
	}
	if n := u.rows.Len(); n > 0 {
		return u.store(ctx, time.Unix(0, u.rows.Time(n-1)).Add(time.Microsecond))
	}
	return nil
}

// add takes a row, and stores those before it when they are enough.
func (u *upgrade) add(ctx context.Context, row *reportfile.Row, timed bool) error {
	err := row.Check()
	if !timed {
		err = errors.New("time is null")
	}
	if err != nil {
		if u.Rejected++; u.Reason == nil {
			u.Reason = err
		}
		return nil
	}
	if n := u.rows.Len(); n >= upgradeRows && row.Time != u.rows.Time(n-1) {
		if err := u.store(ctx, time.Unix(0, row.Time)); err != nil {
			return err
		}
	}
	u.rows.Add(row)
	return nil
}

// store imports the rows that were read, and notes that what is older than
// until is done. Should it be broken off in between, they come again and are
// duplicates.
func (u *upgrade) store(ctx context.Context, until time.Time) error {
	result, err := u.db.ImportRows(ctx, "", &u.rows)
	if err != nil {
		return err
	}
	u.rows.Cut(u.rows.Len())
	u.Inserted += result.Inserted
	u.Duplicates += result.Duplicates
	u.Expired += result.Expired
	u.Until = until
	err = pgconn.InTransaction(ctx, u.db.Pool, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM vpn_traffic_upgrade`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO vpn_traffic_upgrade VALUES ($1)`, until)
		return err
	})
	if err == nil {
		u.told(u.Upgraded)
	}
	return err
}

package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
)

// What vpn_traffic is, in whoseTable's words.
const (
	oldTable     = "old"
	foreignTable = "foreign"
)

// whoseTable returns what vpn_traffic is: "" where there is none, "ours", the old
// importer's, which is known by its columns, or foreign: views and others are.
func whoseTable(ctx context.Context, on queryer) (whose string, err error) {
	err = on.QueryRowContext(ctx, `SELECT coalesce((SELECT CASE
			WHEN relkind = 'p' AND to_regclass('vpn_traffic_migrations') IS NOT NULL THEN 'ours'
			WHEN relkind = 'r' AND NOT relispartition AND (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute
				WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attname <> 'id') = '{connection_count, connection_times, dst,
				dst_bytes, dst_packets, open_connections, port, proto, src, src_bytes, src_packets, time}' THEN 'old'
			ELSE 'foreign' END FROM pg_class c WHERE oid = to_regclass('vpn_traffic')), '')`).Scan(&whose)
	return whose, err
}

// checkOldTable fails when the old table is not ours to rename, or when somebody
// would miss it: a view goes on reading a table that gets another name.
func checkOldTable(ctx context.Context, tx *sql.Tx) error {
	var owns bool
	var owner, role, views string
	err := tx.QueryRowContext(ctx, `SELECT pg_has_role(relowner, 'USAGE'), relowner::regrole, current_user, coalesce((
			SELECT string_agg(DISTINCT ev_class::regclass::text, ', ') FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
			WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = c.oid AND ev_class <> c.oid), '')
		FROM pg_class c WHERE oid = to_regclass('vpn_traffic')`).Scan(&owns, &owner, &role, &views)
	switch {
	case err != nil:
		return err
	case !owns:
		return fmt.Errorf("it belongs to the role %s: have a superuser say ALTER TABLE vpn_traffic OWNER TO %s", owner, role)
	case views != "":
		return fmt.Errorf("views would go on reading it under its new name (%s): drop them, and make them again when the upgrade is done; nothing was changed", views)
	}
	return nil
}

// ErrNothingOld says that there is no old table.
var ErrNothingOld = errors.New("there is no old table: neither is vpn_traffic one, nor is there a vpn_traffic_old")

// PastRetention says that the old table has rows that retention would drop.
type PastRetention struct {
	Rows  int64
	First time.Time
}

func (p *PastRetention) Error() string {
	return fmt.Sprintf("%d rows of the old table, from %s on, are older than the retention, which would drop them within hours; nothing was changed",
		p.Rows, p.First.UTC().Format(time.DateOnly))
}

// RefusePast fails with a PastRetention when the old table has rows older than begin.
func (db *DB) RefusePast(ctx context.Context, begin time.Time) error {
	old, renamed, err := oldTables(ctx, db.Pool)
	if err != nil || !old && !renamed || begin.IsZero() {
		return err
	}
	table := "vpn_traffic"
	if !old {
		table = "vpn_traffic_old"
	}
	past := new(PastRetention)
	var first sql.NullTime
	err = db.Pool.QueryRowContext(ctx, `SELECT count(*), min(time) FROM `+table+` WHERE time < $1`, begin).Scan(&past.Rows, &first)
	if err != nil {
		return fmt.Errorf("looking for rows older than the retention: %w", err)
	}
	if past.Rows == 0 {
		return nil
	}
	past.First = first.Time
	return past
}

// oldTables tells whether the old table is there, and whether it was renamed.
func oldTables(ctx context.Context, on queryer) (old, renamed bool, err error) {
	whose, err := whoseTable(ctx, on)
	if err != nil {
		return false, false, err
	}
	if whose == foreignTable {
		return false, false, ErrForeignTable
	}
	err = on.QueryRowContext(ctx, `SELECT to_regclass('vpn_traffic_old') IS NOT NULL`).Scan(&renamed)
	return whose == oldTable, renamed, err
}

// RenameOldTable makes way for the new table: the old one becomes vpn_traffic_old,
// and its indexes get other names too.
func (db *DB) RenameOldTable(ctx context.Context) error {
	return pgconn.InTransaction(ctx, db.Pool, func(tx *sql.Tx) error {
		old, renamed, err := oldTables(ctx, tx)
		if err != nil {
			return err
		}
		if !old && renamed {
			return nil // by an upgrade that was broken off
		}
		if !old {
			return ErrNothingOld
		}
		if renamed {
			return errors.New("both vpn_traffic and vpn_traffic_old are there: rename or drop what you do not want to upgrade")
		}
		if err := checkOldTable(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `ALTER TABLE vpn_traffic RENAME TO vpn_traffic_old;
			DO $$
			DECLARE
				i record;
			BEGIN
				FOR i IN SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = 'vpn_traffic_old'::regclass LOOP
					EXECUTE format('ALTER INDEX %I RENAME TO %I', i.relname, 'old_' || i.relname);
				END LOOP;
			END $$`)
		return err
	})
}

// GrantAsBefore lets those read the new table who may read the old one.
func (db *DB) GrantAsBefore(ctx context.Context) error {
	if _, err := db.Pool.ExecContext(ctx, grantAsBefore); err != nil {
		return fmt.Errorf("granting what the old table was granted: %w", err)
	}
	return nil
}

const grantAsBefore = `DO $$
DECLARE
	who text;
BEGIN
	FOR who IN SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END FROM pg_class c, aclexplode(relacl)
		WHERE c.oid = to_regclass('vpn_traffic_old') AND privilege_type = 'SELECT' AND grantee <> relowner
	LOOP
		EXECUTE format('GRANT SELECT ON vpn_traffic TO %s', who);
	END LOOP;
END $$`

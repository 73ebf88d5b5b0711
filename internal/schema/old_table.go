package schema

import (
	"context"
	"database/sql"
	"fmt"
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

package schema

import (
	"context"
	"database/sql"

	"telegraf-conntrack-accounting/internal/check"
)

// isHead reports whether the database is a head.
func (db *DB) isHead(ctx context.Context) (head bool) {
	_ = db.Look(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT to_regprocedure('vpn_traffic_shards()') IS NOT NULL`).Scan(&head)
	})
	return head
}

// checkHead finds out whether the functions of a head are of this version.
func checkHead(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var same bool
	err := tx.QueryRowContext(ctx, `SELECT split_part(vpn_traffic_functions(), ' ', 1) = $1`, versionOfFiles(headFunctions())).Scan(&same)
	if !same {
		return check.Warnf("head", "its functions are of another version than this psql-sink").Do("have its owner run psql-sink migrate -head"), err
	}
	return check.Okf("head", "the database is a head, of this version: sinks write to its shards"), err
}

// checkShards finds out which shards answer.
func checkShards(ctx context.Context, tx *sql.Tx) (check.Finding, error) {
	var count, silent int
	var reasons sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM vpn_traffic_shards()), count(*), string_agg(shard || ' (' || reason || ')', ', ')
		FROM vpn_traffic_silent()`).Scan(&count, &silent, &reasons)
	switch {
	case count == 0:
		return check.Failf("shards", "there are none").Do("make a server of dblink_fdw for each, and a user mapping for the owner of the functions"), err
	case silent > 0:
		return check.Failf("shards", "%d of %d do not answer: %s", silent, count, reasons.String).Do("start them, or mend their servers and user mappings in this database"), err
	}
	return check.Okf("shards", "all of %d answer", count), err
}

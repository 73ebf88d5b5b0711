package store

import (
	"context"
	"time"
)

// Value is one that a column holds, and what it is called: "" where it has no name.
type Value struct{ Value, Name string }

// Values returns all values that src, dst, proto, port or host had before a time
// and that are not forgotten, with the names that were in force then.
func (q *Query) Values(ctx context.Context, kind string, until time.Time) ([]Value, error) {
	return ask(ctx, q, func(scan scanner, v *Value) error {
		err := scan(&v.Value, &v.Name)
		v.Name = nameOf(v.Value, v.Name)
		return err
	}, `SELECT value, name FROM vpn_traffic_values($1, '-infinity', $2)`, kind, until)
}

// Silent returns which shards of a head do not answer, and why: what is asked is of the
// others. A database with rows has none.
func (q *Query) Silent(ctx context.Context) ([]string, error) {
	return ask(ctx, q, func(scan scanner, shard *string) error { return scan(shard) },
		`SELECT shard || ' (' || reason || ')' FROM vpn_traffic_silent()`)
}

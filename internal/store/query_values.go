package store

import (
	"context"
	"fmt"
	"time"
)

// Value is one that a column holds, and what it is called: "" where it has no name.
type Value struct{ Value, Name string }

// Values returns all values that src, dst, proto, port or host had before a time
// and that are not forgotten, with the names that were in force then.
func (q *Query) Values(ctx context.Context, kind string, until time.Time) ([]Value, error) {
	rows, err := q.tx.QueryContext(ctx, `SELECT value, name FROM vpn_traffic_values($1, '-infinity', $2)`, kind, until)
	if err != nil {
		return nil, fmt.Errorf("querying the database: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Value
	for rows.Next() {
		var v Value
		if err := rows.Scan(&v.Value, &v.Name); err != nil {
			return nil, fmt.Errorf("reading the result: %w", err)
		}
		v.Name = nameOf(v.Value, v.Name)
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the result: %w", err)
	}
	return list, nil
}

package store

import (
	"context"
	"fmt"
)

// Hosts returns the hosts of which there are rows, in order. Among them is the empty
// one, if rows have none.
func (db *DB) Hosts(ctx context.Context) (hosts []string, err error) {
	found, err := db.Pool.QueryContext(ctx, `SELECT value FROM vpn_traffic_values WHERE kind = 'host' ORDER BY value`)
	if err != nil {
		return nil, fmt.Errorf("listing hosts: %w", err)
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var host string
		if err := found.Scan(&host); err != nil {
			return nil, fmt.Errorf("listing hosts: %w", err)
		}
		hosts = append(hosts, host)
	}
	return hosts, found.Err()
}

package store

import (
	"context"
	"fmt"
)

// Hosts returns the hosts that have rows, in order. Rows without a host add "".
func (db *DB) Hosts(ctx context.Context) ([]string, error) {
	hosts, err := listOf(ctx, db.Pool, func(scan scanner, host *string) error { return scan(host) },
		`SELECT value FROM vpn_traffic_values WHERE kind = 'host' ORDER BY value`)
	if err != nil {
		return nil, fmt.Errorf("listing hosts: %w", err)
	}
	return hosts, nil
}

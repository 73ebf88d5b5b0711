package trafficdb

import (
	"context"
	_ "embed" // the rights
	"fmt"
)

//go:embed grant.sql
var grants string

// Grant gives the roles vpn_traffic_writer and vpn_traffic_reader, if there are
// such, what the sink and dashboards need, and no more. Only the owner of the
// schema can.
func (db *DB) Grant(ctx context.Context) error {
	if _, err := db.pool.ExecContext(ctx, grants); err != nil {
		return fmt.Errorf("granting rights: %w", db.explain(ctx, err))
	}
	return nil
}

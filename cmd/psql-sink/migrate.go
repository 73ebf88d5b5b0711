package main

import (
	"context"
	"fmt"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/trafficdb"
)

// migrate makes the schema or brings it up to date, as its owner, and grants the
// rights to it.
func migrate(program execd.Program) int {
	c := newCommand(program, "migrate")
	return c.run(func(ctx context.Context, db *trafficdb.DB) error {
		if err := db.Migrate(ctx); err != nil {
			return fmt.Errorf("%s: %w", trafficdb.Describe(err), trafficdb.Reason(err))
		}
		if err := db.Install(ctx); err != nil { // what was lost, and the rights of roles that came later
			return err
		}
		c.printf("the schema is up to date, and the roles vpn_traffic_writer and vpn_traffic_reader, where they exist, have their rights\n")
		return nil
	})
}

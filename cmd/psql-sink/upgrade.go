package main

import (
	"context"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/trafficdb"
)

// upgrade brings the rows of the old importer's table over.
func upgrade(program execd.Program) int {
	c := newCommand(program, "upgrade")
	return c.run(func(ctx context.Context, db *trafficdb.DB) error {
		begin, last := time.Now(), time.Time{}
		u, err := db.Upgrade(ctx, func(u trafficdb.Upgraded) {
			if time.Since(last) < 2*time.Second {
				return
			}
			last = time.Now()
			c.printf("%s: %d of about %d rows, %.0f rows/s\n", u.Until.UTC().Format(time.DateTime),
				u.Inserted+u.Duplicates, u.Total, float64(u.Inserted+u.Duplicates)/time.Since(begin).Seconds())
		})
		if err != nil {
			return fmt.Errorf("%w; run the command again to go on", err)
		}
		c.printf("done in %v: %d rows came over, %d were there already, %d are no rows and stay in vpn_traffic_old\n",
			time.Since(begin).Round(time.Second), u.Inserted, u.Duplicates, u.Rejected)
		if u.Reason != nil {
			c.printf("the first that is no row: %v\n", u.Reason)
		}
		c.printf("vpn_traffic_old is as it was; to free its room: DROP TABLE vpn_traffic_old, vpn_traffic_upgrade\n")
		return nil
	})
}

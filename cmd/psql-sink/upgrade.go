package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
)

func upgradeCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	past := flags.Bool(pastRetention, false, "bring rows over even if they are older than the configured retention: a sink drops them within hours and keeps their sums")
	return &command.Command{
		Name: "upgrade", Line: "bring the rows of the older importer's table over", Flags: flags,
		About: `Renames the older importer's table to vpn_traffic_old, makes this version's tables
and copies the rows into them. Sinks can store new rows meanwhile. Broken off, it
goes on where it was when it is run again.
`,
		Codes:    command.Codes{exitPast: "rows of the old table are older than the retention, and were not brought over"},
		Examples: []command.Example{{Text: "psql-sink upgrade -config /etc/telegraf/vpn_traffic.conf"}},
		Run: func([]string) error {
			return c.run(func(ctx context.Context, db *store.DB) error { return c.upgrade(ctx, db, *past) })
		},
	}
}

// upgrade brings the rows of the old importer's table over.
func (c *client) upgrade(ctx context.Context, db *store.DB, past bool) error {
	begin, last := time.Now(), time.Time{}
	var oldest time.Time
	if !past {
		oldest = schema.Retention{Raw: time.Duration(c.sink.Retention)}.Begin(begin)
	}
	u, err := db.Upgrade(ctx, oldest, func(u store.Upgraded) {
		if time.Since(last) < 2*time.Second {
			return
		}
		last = time.Now()
		c.printf("%s: %d of about %d rows, %.0f rows/s\n", u.Until.UTC().Format(time.DateTime),
			u.Inserted+u.Duplicates, u.Total, float64(u.Inserted+u.Duplicates)/time.Since(begin).Seconds())
	})
	if _, ok := errors.AsType[*schema.PastRetention](err); ok {
		return &command.Exit{Code: exitPast, Err: fmt.Errorf("%w: raise retention, which is %s, or say -%s", err, schema.InDays(time.Duration(c.sink.Retention)), pastRetention)}
	}
	if err != nil && (ctx.Err() != nil || pgconn.IsUnreachable(err) || !u.Until.IsZero()) {
		return fmt.Errorf("%w; run the command again to go on", err)
	}
	if err != nil {
		return err
	}
	return c.upgraded(u, time.Since(begin))
}

// upgraded prints the results.
func (c *client) upgraded(u store.Upgraded, took time.Duration) error {
	c.printf("done in %v: %d rows came over, %d were there already, %d are not rows and stay in vpn_traffic_old\n",
		took.Round(time.Second), u.Inserted, u.Duplicates, u.Rejected)
	if u.Reason != nil {
		c.printf("the first that is not a row: %v\n", u.Reason)
	}
	if u.Expired > 0 {
		return &command.Exit{Code: exitPast, Err: fmt.Errorf("%d rows came over once and have been dropped by retention since, so they are only in vpn_traffic_old: "+
			"to have them again, raise retention, make psql-sink forget their days, and upgrade again", u.Expired)}
	}
	c.printf("vpn_traffic_old is as it was; to free its room: DROP TABLE vpn_traffic_old, vpn_traffic_upgrade\n")
	return nil
}

// pastRetention is the switch that accepts rows older than the retention.
const pastRetention = "past-retention"

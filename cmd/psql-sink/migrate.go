package main

import (
	"context"
	"fmt"

	"github.com/influxdata/telegraf/config"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
)

// migrate makes the schema or brings it up to date, as its owner, and grants the
// rights to it.
func migrate(program execd.Program) int {
	c := newCommand(program, "migrate")
	var given []func()
	for name, option := range map[string]*config.Duration{
		"retention": &c.sink.Retention, "retention-minute": &c.sink.RetentionMinute, "retention-hour": &c.sink.RetentionHour,
	} {
		c.flags.Func(name, "let sinks that do not own the tables drop what is older than this `time`, such as 30d (0: nothing); without it, what the file of -config says", func(text string) error {
			var value config.Duration
			given = append(given, func() { *option = value }) // it wins over the file
			return value.UnmarshalText([]byte(text))
		})
	}
	return c.run(func(ctx context.Context, db *store.DB) error {
		if err := db.Migrate(ctx); err != nil {
			return fmt.Errorf("%s: %w", pgconn.Describe(err), pgconn.Reason(err))
		}
		if err := db.Install(ctx); err != nil { // what was lost, and the rights of roles that came later
			return err
		}
		if err := c.allow(ctx, db, given); err != nil {
			return err
		}
		c.printf("the schema is up to date, and the roles vpn_traffic_writer and vpn_traffic_reader, where they exist, have their rights\n")
		return nil
	})
}

// allow tells the database what the command line, or the file, lets sinks drop.
func (c *command) allow(ctx context.Context, db *store.DB, given []func()) error {
	if len(given) == 0 && *c.config == "" {
		return nil
	}
	for _, set := range given {
		set()
	}
	if err := c.sink.CheckRetention(); err != nil {
		return err
	}
	return db.Allow(ctx, c.sink.Keep())
}

package main

import (
	"context"
	"fmt"

	"github.com/influxdata/telegraf/config"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
)

func migrateCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	var given []func()
	for name, option := range map[string]*config.Duration{
		"retention": &c.sink.Retention, "retention-minute": &c.sink.RetentionMinute, "retention-hour": &c.sink.RetentionHour,
	} {
		flags.Func(name, "let sinks that do not own the tables drop what is older than this `time`, such as 30d (0: nothing); by default as the file of -config says", func(text string) error {
			var value config.Duration
			given = append(given, func() { *option = value }) // it wins over the file
			return value.UnmarshalText([]byte(text))
		})
	}
	head := flags.Bool("head", false, "make the database a head instead, which has no rows, but asks other databases (docs/scale.md), or bring it up to date")
	return &command.Command{
		Name: "migrate", Line: "make the tables, as their owner, and grant rights to them", Flags: flags,
		About: `Makes the tables and functions or brings them up to date, and grants the roles
vpn_traffic_writer and vpn_traffic_reader, where they exist, their rights. Run it
as the tables' owner where the sink itself may make none, and after each upgrade of
psql-sink. It does no harm where there is nothing to do.
`,
		Examples: []command.Example{{Text: "psql-sink migrate -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner'"}},
		Run: func([]string) error {
			return c.run(func(ctx context.Context, db *store.DB) error {
				if *head {
					return c.makeHead(ctx, db)
				}
				return c.migrate(ctx, db, given)
			})
		},
	}
}

// migrate creates the schema or brings it up to date, as its owner, and grants rights.
func (c *client) migrate(ctx context.Context, db *store.DB, given []func()) error {
	if err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("%s: %w", pgconn.Describe(err), pgconn.Reason(err))
	}
	if err := db.Install(ctx); err != nil { // what was lost, and rights of roles that were created later
		return err
	}
	if err := c.allow(ctx, db, given); err != nil {
		return err
	}
	c.printf("the schema is up to date, and the roles vpn_traffic_writer and vpn_traffic_reader, where they exist, have their rights\n")
	return nil
}

// makeHead makes the database one that asks others, its shards.
func (c *client) makeHead(ctx context.Context, db *store.DB) error {
	if err := db.InstallHead(ctx); err != nil {
		return err
	}
	c.printf("the database is a head: it asks the servers of dblink_fdw that have a user mapping for the owner of its functions\n")
	return nil
}

// allow stores the retentions of the command line, or of the file, in the database: it
// lets sinks that do not own the tables drop what is older.
func (c *client) allow(ctx context.Context, db *store.DB, given []func()) error {
	if len(given) == 0 && c.config == "" {
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

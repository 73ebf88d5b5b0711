package main

import (
	"context"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
)

func checkCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	var output check.Output
	var user string
	output.AddFlag(flags)
	flags.StringVar(&user, "user", "", "check the spool for this `user`; without it, for the one who runs this, and for root that is telegraf where there is one")
	return &command.Command{
		Name: "check", Line: "check the set-up: database, rights, spool", Flags: flags,
		About: `Checks what must hold for the sink: its configuration, the hosts of its database and
TLS, the schema, the rights of its role, clocks, partitions and retention, and its
spool. Neither Telegraf nor a sink need run.

` + check.About,
		Codes:    check.Codes(),
		Examples: []command.Example{{Text: "psql-sink check -config /etc/telegraf/vpn_traffic.conf"}},
		Run: func([]string) error {
			by, err := check.UserNamed(user)
			if err != nil {
				return command.UsageError(err)
			}
			if err := c.refusePassword(); err != nil {
				return err
			}
			return output.Run(c.Stdout, func(ctx context.Context) []check.Finding { return c.check(ctx, by) })
		},
	}
}

// check finds out all that must hold for a sink that a user runs.
func (c *client) check(ctx context.Context, by check.User) []check.Finding {
	if err := c.configure(); err != nil {
		return []check.Finding{check.Failf("configuration", "%v", err).Do("correct it")}
	}
	source, importCommand := "the PG* variables and defaults", "psql-sink import"
	if c.config != "" {
		source = c.config
		importCommand += " -config " + check.Quote(c.config)
	}
	found := []check.Finding{check.Okf("configuration", "%s can be used", source)}
	if c.config != "" {
		found[0] = c.checkConfigFile(by)
	}
	found = append(found, c.sink.Check(ctx, by, importCommand)...)
	return append(found, c.checkSinks())
}

// checkConfigFile finds out whether the user can read the configuration, too.
func (c *client) checkConfigFile(by check.User) check.Finding {
	if found := by.File("configuration", c.config); found.Level != check.OK {
		return found
	}
	return check.Okf("configuration", "%s is valid, and %s may read it", c.config, by.Name)
}

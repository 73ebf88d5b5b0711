package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/signal"
	"sync"
	"syscall"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// client is what a command needs to work on the database.
type client struct {
	execd.Program
	config, dsn string
	sink        *vpn_traffic.VPNTraffic // its settings, set by load
}

// newClient also returns the switches that choose the database.
func newClient(host execd.Program) (*client, *flag.FlagSet) {
	c := &client{Program: host, sink: vpn_traffic.New()}
	flags := command.NewFlags()
	flags.StringVar(&c.config, "config", "", "read dsn and other settings from the [[outputs.vpn_traffic]] table in `file`; without it, the PG* variables name the database")
	flags.StringVar(&c.dsn, "dsn", "", "connect with this `dsn` instead, for example as the tables' owner; it must not contain a password")
	return c, flags
}

// newService returns the switches of a command that runs until a signal. What makes its
// client can be called again, to read the configuration anew.
func newService(host execd.Program) (newClient func() *client, flags *flag.FlagSet) {
	flags = command.NewFlags()
	config := flags.String("config", "", "read settings from the [[outputs.vpn_traffic]] table in `file`; without it, all have their defaults")
	debug := flags.Bool("debug", false, "log debug messages too")
	log := sync.OnceValue(func() telegraf.Logger { return execd.NewLogger(host.Stdout, host.Stderr, *debug) })
	return func() *client {
		c := &client{Program: host, config: *config, sink: vpn_traffic.New()}
		c.sink.Log = log()
		return c
	}, flags
}

// refusePassword finds a password on the command line.
func (c *client) refusePassword() error {
	if err := pgconn.RefusePassword(c.dsn); err != nil {
		return command.UsageError(fmt.Errorf("-dsn: %w", err))
	}
	return nil
}

// load reads the configuration.
func (c *client) load() error {
	if err := c.refusePassword(); err != nil {
		return err
	}
	if c.config != "" {
		if err := execd.LoadConfig(c.config, "outputs", c.Name, c.LookupEnv, c.sink); err != nil {
			return err
		}
	}
	if c.dsn != "" {
		c.sink.DSN = c.dsn
	}
	return nil
}

// configure reads the configuration and checks it.
func (c *client) configure() error {
	if err := c.load(); err != nil {
		return err
	}
	return c.sink.Init()
}

// open reads the configuration and opens the database that it names.
func (c *client) open() (*store.DB, error) {
	if err := c.load(); err != nil {
		return nil, err
	}
	return store.Open(c.sink.DSN)
}

// run calls do with the database. Its context ends at SIGTERM or SIGINT.
func (c *client) run(do func(ctx context.Context, db *store.DB) error) error {
	db, err := c.open()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return errors.Join(do(ctx, db), db.Close())
}

// printf prints to stdout. It escapes control characters in texts and errors, since
// others may have written them into the database.
func (c *client) printf(format string, args ...any) {
	for i, arg := range args {
		switch text := arg.(type) {
		case string:
			args[i] = printable.Line(text)
		case error:
			args[i] = printable.Line(text.Error())
		}
	}
	_, _ = fmt.Fprintf(c.Stdout, format, args...)
}

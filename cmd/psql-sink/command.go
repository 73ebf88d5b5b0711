package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/signal"
	"syscall"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// command is a subcommand that works on the database.
type command struct {
	execd.Program
	flags       *flag.FlagSet
	config, dsn *string
	sink        *vpn_traffic.VPNTraffic // as -config says
}

func newCommand(program execd.Program, name string) *command {
	flags := newFlags(name)
	return &command{
		Program: program, flags: flags,
		config: flags.String("config", "", "read the database to use from `file`, a [[outputs.vpn_traffic]] table; without it PG* variables tell"),
		sink:   vpn_traffic.New(),
		dsn:    flags.String("dsn", "", "use this `dsn` instead, such as that of the tables' owner; it may hold no password"),
	}
}

// run parses the command line, calls do with the database until a signal comes,
// and returns the exit code: 0, 1 after an error, 2 for a wrong command line.
func (c *command) run(do func(ctx context.Context, db *store.DB) error) int {
	if code, done := parse(c.Program, c.flags); done {
		return code
	}
	if err := pgconn.RefusePassword(*c.dsn); err != nil {
		return refuse(c.Program, c.flags, fmt.Errorf("-dsn: %w", err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := c.withDatabase(func(db *store.DB) error { return do(ctx, db) }); err != nil {
		execd.NewLogger(c.Stderr, c.Stderr, false).Error(err)
		if own, ok := errors.AsType[*exitError](err); ok {
			return own.code
		}
		return 1
	}
	return 0
}

// exitError is an error that has an exit code of its own.
type exitError struct {
	error
	code int
}

func (c *command) withDatabase(do func(*store.DB) error) error {
	sink := c.sink
	if *c.config != "" {
		if err := execd.LoadConfig(*c.config, "outputs", c.Name, c.LookupEnv, sink); err != nil {
			return err
		}
	}
	if *c.dsn != "" {
		sink.DSN = *c.dsn
	}
	db, err := store.Open(sink.DSN)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// printf prints to stdout. Texts may come out of the database, where others put them.
func (c *command) printf(format string, args ...any) {
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

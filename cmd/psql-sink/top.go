package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/summary"
	"telegraf-conntrack-accounting/internal/top"
)

// topOptions are the switches of psql-sink top.
type topOptions struct {
	wanted
	by, sort      string
	rows          int
	every, window time.Duration
	once          bool
}

func topCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	o := &topOptions{}
	command.Choice(flags, &o.by, "by", "src", top.Groups(), "begin with a row for each of `these` (a service is protocol and port)")
	command.Choice(flags, &o.sort, "sort", "bytes", top.Orders(), "begin with the greatest of `what` first")
	flags.DurationVar(&o.every, "every", 5*time.Second, "ask the database again after this `time`")
	flags.DurationVar(&o.window, "window", time.Minute, "show rates over this `time`, or over that between reports if it is longer")
	flags.BoolVar(&o.once, "once", false, "print the table once, without a terminal")
	flags.IntVar(&o.rows, "top", 20, "number of `rows` with -once")
	o.define(flags)
	return &command.Command{
		Name: "top", Line: "show who uses the link right now", Flags: flags,
		About: `Shows who uses the link: rates of the last minute, beside those of the hour before, in
a table that follows. Keys choose what has a row: s for sources, d for destinations,
e for services, p for pairs; o changes the order, the space bar asks at once, q quits.
What is three times as much as in the hour before is coloured.

It changes nothing, and needs the reader's rights only.
`,
		Examples: []command.Example{
			{Title: "on the gateway", Text: "psql-sink top -config /etc/telegraf/vpn_traffic.conf"},
			{Title: "whom a team talks to", Text: "psql-sink top -config /etc/telegraf/vpn_traffic.conf -src 'Team A' -by dst"},
		},
		Run: func([]string) error {
			if err := o.check(); err != nil {
				return command.UsageError(err)
			}
			return c.run(func(ctx context.Context, db *store.DB) error { return o.run(ctx, db, host) })
		},
	}
}

func (o *topOptions) check() error {
	switch {
	case o.every < time.Second:
		return fmt.Errorf("-every %s: must be at least 1s", o.every)
	case o.window < time.Second || o.window > 15*time.Minute:
		return fmt.Errorf("-window %s: must be from 1s to 15m", o.window)
	case o.rows < 1:
		return fmt.Errorf("-top %d: must be at least 1", o.rows)
	}
	return o.wanted.check()
}

func (o *topOptions) run(ctx context.Context, db *store.DB, host execd.Program) error {
	if !o.once && widthOf(host.Stdout) == 0 {
		return command.UsageError(errors.New("this is no terminal: -once prints the table once"))
	}
	o.filter.Until, o.filter.Sort = time.Now(), o.sort
	if err := o.find(ctx, db, host.Stderr); err != nil {
		return err
	}
	q := top.Question{Filter: o.filter, By: o.by, Top: o.rows, Window: o.window, Said: summary.Chosen(&o.filter)}
	ask := func(ctx context.Context, q top.Question) (top.Answer, error) { return top.Ask(ctx, db, q) }
	if !o.once {
		return top.Run(ctx, host.Stdout, q, o.every, ask)
	}
	answer, err := ask(ctx, q)
	if err != nil {
		return err
	}
	_, err = io.WriteString(host.Stdout, answer.Text(q, widthOf(host.Stdout)))
	return err
}

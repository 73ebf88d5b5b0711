package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/store"
)

// forget deletes all that there is of days, of a host or of all, so that they can
// be imported anew, or what there is of addresses. Without -yes it says what it would
// delete.
func forget(program execd.Program) int {
	c := newCommand(program, "forget")
	var from, to dateFlag
	c.flags.Var(&from, "day", "forget this `day`, as 2006-01-02 in UTC: rows, sums, and that it was imported")
	c.flags.Var(&to, "to", "and those after it up to this `day`")
	host := c.flags.String("host", "", "forget what came of this `gateway` alone; without -day, all of it")
	var addresses prefixFlag
	c.flags.Var(&addresses, "address", "forget this `address or prefix`, as source and as destination; several with commas between them. Without -day, on all days")
	yes := c.flags.Bool("yes", false, "do it; without, say what would be deleted")
	return c.run(func(ctx context.Context, db *store.DB) error {
		f := store.Forgotten{From: from.Time, To: to.Time}
		c.flags.Visit(func(given *flag.Flag) {
			if given.Name == "host" {
				f.Host = host // which may be empty
			}
		})
		switch {
		case f.Host == nil && from.IsZero() && addresses == nil:
			return &exitError{errors.New("say what to forget: -day, -host, -address, or several of them"), 2}
		case from.IsZero():
			f.From, f.To = time.Unix(0, 0), time.Now().AddDate(0, 0, 7)
		case to.IsZero():
			f.To = from.Time
		case to.Before(from.Time):
			return &exitError{errors.New("-to is before -day"), 2}
		}
		if addresses != nil {
			return c.forgetAddresses(ctx, db, &f, addresses, *yes)
		}
		return c.forget(ctx, db, &f, *yes)
	})
}

func (c *command) forget(ctx context.Context, db *store.DB, f *store.Forgotten, yes bool) error {
	days, err := db.Known(ctx, f)
	if err != nil {
		return err
	}
	for _, day := range days {
		if yes {
			if err := db.Forget(ctx, f, day.Day); err != nil {
				return err
			}
		}
		c.printf("%s: %d reports of %d hosts\n", day.Day.Format(time.DateOnly), day.Reports, day.Hosts)
	}
	if !yes {
		c.printf("%d days would be forgotten: rows, sums, and that they were imported; -yes does it\n", len(days))
		return nil
	}
	if err := db.ForgetNames(ctx); err != nil {
		return err
	}
	c.printf("%d days are forgotten, and can be imported anew\n", len(days))
	return nil
}

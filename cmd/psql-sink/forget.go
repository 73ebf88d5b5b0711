package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/store"
)

func forgetCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	o := &forgetOptions{flags: flags}
	flags.Var(&o.from, "day", "delete this `day` (2006-01-02, in UTC): rows, sums, and the record that it was imported")
	flags.Var(&o.to, "to", "delete all days from -day up to this `day`")
	flags.StringVar(&o.host, "host", "", "delete only what this `gateway` reported; without -day, on all days")
	flags.Func("address", "delete this `address or prefix`, as source and as destination; several with commas between them. Without -day, on all days", o.addAddresses)
	flags.BoolVar(&o.yes, "yes", false, "delete; without it, only print what would be deleted")
	return &command.Command{
		Name: "forget", Line: "delete days, a gateway or a customer's addresses", Flags: flags,
		About: `Deletes days as a whole, of all gateways or of one: rows, sums of all levels, names,
and that they were imported, so that they can be imported anew. With -address it
deletes what src or dst say of a customer, and leaves the rest of a day.
Without -yes it only says what it would delete. It needs the rights of the tables'
owner; imports wait for a day's work.
`,
		Examples: []command.Example{{Text: "psql-sink forget -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner' -day 2026-01-03 -to 2026-01-05"}},
		Run: func([]string) error {
			f, err := o.forgotten()
			if err != nil {
				return command.UsageError(err)
			}
			return c.run(func(ctx context.Context, db *store.DB) error {
				if o.addresses != nil {
					return c.forgetAddresses(ctx, db, f, o.addresses, o.yes)
				}
				return c.forget(ctx, db, f, o.yes)
			})
		},
	}
}

// forgetOptions are the switches of psql-sink forget.
type forgetOptions struct {
	flags     *flag.FlagSet
	from, to  dateFlag
	host      string
	addresses []netip.Prefix
	yes       bool
}

// forgotten returns what to forget.
func (o *forgetOptions) forgotten() (*store.Forgotten, error) {
	f := &store.Forgotten{From: o.from.Time, To: o.to.Time}
	o.flags.Visit(func(given *flag.Flag) {
		if given.Name == "host" {
			f.Host = &o.host // "" is a host, too
		}
	})
	switch {
	case f.Host == nil && o.from.IsZero() && o.addresses == nil:
		return nil, errors.New("say what to forget: -day, -host, -address, or several of them")
	case o.from.IsZero():
		f.From, f.To = time.Unix(0, 0), time.Now().AddDate(0, 0, 7)
	case o.to.IsZero():
		f.To = o.from.Time
	case o.to.Before(o.from.Time):
		return nil, errors.New("-to is before -day")
	}
	return f, nil
}

func (c *client) forget(ctx context.Context, db *store.DB, f *store.Forgotten, yes bool) error {
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

// forgetAddresses deletes rows, sums and names of addresses.
func (c *client) forgetAddresses(ctx context.Context, db *store.DB, f *store.Forgotten, prefixes []netip.Prefix, yes bool) error {
	within, wider, err := db.Addresses(ctx, prefixes)
	if err != nil {
		return err
	}
	for _, a := range wider {
		c.printf("%s holds others, too, and stays\n", a.Text)
	}
	for _, a := range within {
		f.Addresses = append(f.Addresses, a.Text)
		if a.First.IsZero() {
			c.printf("%s: no traffic, a name\n", a.Text)
			continue
		}
		c.printf("%s: from %s to %s\n", a.Text, a.First.Format(time.DateOnly), a.Last.Format(time.DateOnly))
	}
	if !yes || len(within) == 0 {
		c.printf("%d addresses would be forgotten: rows, sums and names; -yes does it\n", len(within))
		return nil
	}
	for _, day := range daysOf(within, f) {
		if err := db.Forget(ctx, f, day); err != nil {
			return err
		}
	}
	if err := db.ForgetNames(ctx); err != nil {
		return err
	}
	c.printf("%d addresses are forgotten\n", len(within))
	return nil
}

// daysOf returns the days, within those to forget, on which addresses may have had
// traffic.
func daysOf(addresses []store.Address, f *store.Forgotten) (days []time.Time) {
	had := make(map[time.Time]bool)
	for _, a := range addresses {
		for day := a.First; !day.IsZero() && !day.After(a.Last); day = day.AddDate(0, 0, 1) {
			if !had[day] && !day.Before(f.From) && !day.After(f.To) {
				had[day] = true
				days = append(days, day)
			}
		}
	}
	return days
}

// addAddresses takes a value of the switch -address.
func (o *forgetOptions) addAddresses(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		prefix, err := store.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a prefix, such as 10.77.1.0/24", part)
		}
		o.addresses = append(o.addresses, prefix.Masked())
	}
	return nil
}

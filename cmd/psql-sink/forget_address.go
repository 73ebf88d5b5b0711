package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/store"
)

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

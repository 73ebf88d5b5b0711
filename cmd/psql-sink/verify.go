package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/store"
)

func verifyCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	o := verifyOptions{
		from: dateFlag{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)},
		to:   dateFlag{time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)},
	}
	flags.Var(&o.from, "from", "first `day` (2006-01-02, in UTC); by default the first that is stored")
	flags.Var(&o.to, "to", "last `day`; by default the last that is stored")
	flags.BoolVar(&o.repair, "repair", false, "replace sums that differ")
	flags.BoolVar(&o.lost, "lost", false, "with -repair, first forget reports whose rows are all gone, so that the sums of their days are replaced, too")
	return &command.Command{
		Name: "verify", Line: "compare the sums with the rows, and repair them", Flags: flags,
		About: `Computes the sums of each day anew from the rows of vpn_traffic, and longer sums from
the sums that they are made of, and prints which tables differ; that ends with exit code
1. With -repair it replaces them, but for days with reports whose rows are all gone:
their sums are all there is, until -lost gives them up.
`,
		Examples: []command.Example{{Text: "psql-sink verify -config /etc/telegraf/vpn_traffic.conf -from 2026-01-01 -to 2026-01-31"}},
		Run: func([]string) error {
			switch {
			case o.from.After(o.to.Time):
				return command.UsageError(fmt.Errorf("-from %v is after -to %v", &o.from, &o.to))
			case o.lost && !o.repair:
				return command.UsageError(errors.New("-lost is a part of -repair"))
			}
			return c.run(func(ctx context.Context, db *store.DB) error { return c.verify(ctx, db, &o) })
		},
	}
}

// verifyOptions are the switches of psql-sink verify.
type verifyOptions struct {
	from, to     dateFlag
	repair, lost bool
}

// verify recomputes the sums and prints what differs: first those of days, of which longer
// ones are made.
func (c *client) verify(ctx context.Context, db *store.DB, o *verifyOptions) error {
	days, err := db.Days(ctx, o.from.Time, o.to.Time)
	if err != nil {
		return err
	}
	var v verified
	for _, day := range days {
		if o.lost {
			if err := db.ForgetLost(ctx, day); err != nil {
				return err
			}
		}
		found, err := db.Verify(ctx, day, o.repair)
		if err != nil {
			return fmt.Errorf("%s: %w", day.Format(time.DateOnly), err)
		}
		c.printDifferences(found, &v)
	}
	units, err := db.Units(ctx, o.from.Time, o.to.Time)
	if err != nil {
		return err
	}
	for _, unit := range units {
		found, err := db.VerifyUnit(ctx, unit, o.repair)
		if err != nil {
			return fmt.Errorf("the %s from %s: %w", unit.Name, unit.First.Format(time.DateOnly), err)
		}
		c.printDifferences(found, &v)
	}
	c.printf("%d days and %d longer sums verified, %d differences\n", len(days), len(units), v.wrong)
	return v.verdict(o.repair)
}

// verified counts what was found: sums that are wrong, and days that have lost rows.
type verified struct{ wrong, lost int }

func (c *client) printDifferences(found []store.Difference, v *verified) {
	for _, d := range found {
		v.wrong++
		day, mended := d.Day.Format(time.DateOnly), ""
		if d.Table == "vpn_traffic" {
			c.printf("%s vpn_traffic: the rows of %d known reports are gone, and their sums stay; make psql-sink forget -day %[1]s and import it again, or verify -repair -lost\n", day, d.Keys)
			v.lost++
			continue
		}
		switch {
		case d.Repaired && d.From == "vpn_traffic":
			mended = ", replaced"
		case d.Repaired:
			mended = ", deleted for the sink to make them anew"
		}
		c.printf("%s %s: %d keys differ from %s%s\n", day, d.Table, d.Keys, d.From, mended)
	}
}

func (v *verified) verdict(repaired bool) error {
	switch {
	case v.lost > 0:
		return fmt.Errorf("rows are missing on %d days, which no repair brings back", v.lost)
	case v.wrong > 0 && !repaired:
		return errors.New("sums are wrong: psql-sink verify -repair, as the owner of the tables, replaces them")
	}
	return nil
}

// dateFlag is a day on the command line.
type dateFlag struct{ time.Time }

func (d *dateFlag) String() string { return d.Format(time.DateOnly) }

func (d *dateFlag) Set(text string) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, text); err != nil {
		return errors.New("a day is written as 2006-01-02")
	}
	return nil
}

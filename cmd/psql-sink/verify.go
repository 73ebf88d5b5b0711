package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/store"
)

// verify recomputes the rollups and prints what differs.
func verify(program execd.Program) int {
	c := newCommand(program, "verify")
	from := dateFlag{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)}
	to := dateFlag{time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)}
	c.flags.Var(&from, "from", "first `day`, as 2006-01-02 in UTC; without it, the first there is")
	c.flags.Var(&to, "to", "last `day`; without it, the last there is")
	repair := c.flags.Bool("repair", false, "replace what differs")
	gone := c.flags.Bool("lost", false, "with -repair, first forget reports of which no row is left, so that the sums of such days are replaced, too")
	return c.run(func(ctx context.Context, db *store.DB) error {
		if from.After(to.Time) {
			return &exitError{fmt.Errorf("-from %v is after -to %v", &from, &to), exitUsage}
		}
		if *gone && !*repair {
			return &exitError{errors.New("-lost is a part of -repair"), exitUsage}
		}
		days, err := db.Days(ctx, from.Time, to.Time)
		if err != nil {
			return err
		}
		wrong, lost := 0, 0
		for _, day := range days {
			if *gone {
				if err := db.ForgetLost(ctx, day); err != nil {
					return err
				}
			}
			found, err := db.Verify(ctx, day, *repair)
			if err != nil {
				return fmt.Errorf("%s: %w", day.Format(time.DateOnly), err)
			}
			for _, d := range found {
				if d.Table == "vpn_traffic" {
					c.printf("%s vpn_traffic: %d reports are known of which no row is left, and their sums stay; make psql-sink forget -day %[1]s and import it again, or verify -repair -lost\n", day.Format(time.DateOnly), d.Keys)
					lost++
					continue
				}
				c.printf("%s %s: %d keys differ from vpn_traffic%s\n", day.Format(time.DateOnly), d.Table, d.Keys, mended(d))
			}
			wrong += len(found)
		}
		c.printf("%d days verified, %d differences\n", len(days), wrong)
		if lost > 0 {
			return fmt.Errorf("rows are missing on %d days, which no repair brings back", lost)
		}
		if wrong > 0 && !*repair {
			return fmt.Errorf("rollups differ from vpn_traffic: psql-sink verify -repair replaces them")
		}
		return nil
	})
}

func mended(d store.Difference) string {
	if d.Repaired {
		return ", replaced"
	}
	return ""
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

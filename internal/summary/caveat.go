package summary

import (
	"context"
	"fmt"

	"telegraf-conntrack-accounting/internal/store"
)

// caveats collects answers that do not cover exactly the range that was asked for.
type caveats struct {
	moved, lacking int // answers
	first          string
	firstLacking   string
	silent         []string // shards
}

// look checks the answer for one dimension.
func (c *caveats) look(ctx context.Context, a *store.Query, q *store.Filter, by string) error {
	is, err := a.Coverage(ctx, q, by)
	if err != nil {
		return err
	}
	of := map[string]string{"": "totals", "pair": "pairs", "service": "protocols and ports"}[by]
	if of == "" {
		of = by
	}
	if !is.Since.Equal(q.Since) || !is.Until.Equal(q.Until) {
		if c.moved++; c.moved == 1 {
			c.first = fmt.Sprintf("%s of %s to %s are of %s to %s", of, stamp(q.Since), stamp(q.Until), stamp(is.Since), stamp(is.Until))
		}
	}
	if !is.Complete {
		if c.lacking++; c.lacking == 1 {
			c.firstLacking = fmt.Sprintf("%s of %s to %s", of, stamp(q.Since), stamp(q.Until))
		}
	}
	return nil
}

// listen finds out which databases have not answered. It comes last.
func (c *caveats) listen(ctx context.Context, a *store.Query) (err error) {
	c.silent, err = a.Silent(ctx)
	return err
}

// notes returns the caveats as sentences for the user.
func (c *caveats) notes() (list []string) {
	for _, shard := range c.silent {
		list = append(list, "what is in one database is missing: no answer of shard "+shard)
	}
	if c.moved > 0 {
		list = append(list, "only sums of whole minutes or hours are known at the ends: "+c.first+andMore(c.moved))
	}
	if c.lacking > 0 {
		list = append(list, "retention has dropped a part of what this would have to hold: "+c.firstLacking+andMore(c.lacking))
	}
	return list
}

func andMore(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(", and so on, %d times in all", n)
}

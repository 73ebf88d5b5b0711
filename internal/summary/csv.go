package summary

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"time"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
)

// Lines describes the lines of a CSV.
type Lines struct {
	By   string // see store.LineColumns
	Each string // one of Periods, or "" for the range as a whole
	Top  int    // lines of each period, 0 for all
}

// CSV writes traffic as RFC 4180 describes: a header, then for each period one line for
// each value that had traffic, the greatest first. Nothing is rounded. Notes are for
// the user.
func (l Lines) CSV(ctx context.Context, db *store.DB, q store.Filter, w io.Writer) (notes []string, err error) {
	var doubts caveats
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(slices.Concat([]string{"since", "until"}, store.LineColumns(l.By), store.CounterColumns())) // Flush keeps the error
	err = db.Query(ctx, func(a *store.Query) error {
		for _, part := range l.periods(q) {
			list, err := a.Lines(ctx, &part, l.By, l.Top)
			if err != nil {
				return err
			}
			for _, line := range list {
				_ = out.Write(fields(part, line))
			}
			if err := doubts.look(ctx, a, &part, l.By); err != nil {
				return err
			}
		}
		return doubts.listen(ctx, a)
	})
	if out.Flush(); err == nil && out.Error() != nil {
		err = fmt.Errorf("printing: %w", out.Error())
	}
	return doubts.notes(), err
}

func fields(q store.Filter, line store.Line) []string {
	list := []string{q.Since.Local().Format(time.RFC3339), q.Until.Local().Format(time.RFC3339)}
	for _, value := range line.Values {
		list = append(list, printable.Line(value)) // it may be read on a terminal
	}
	return append(list, line.Counters...)
}

// periods cuts the range at the ends of periods.
func (l Lines) periods(q store.Filter) (parts []store.Filter) {
	for q.Since.Before(q.Until) {
		part := q
		if next := nextPeriod(l.Each, q.Since.Local()); l.Each != "" && next.Before(q.Until) {
			part.Until = next
		}
		parts = append(parts, part)
		q.Since = part.Until
	}
	return parts
}

// Periods returns the periods that a range can be cut into.
func Periods() []string { return []string{"hour", "day", "month"} }

// nextPeriod returns when the next period begins: at a whole hour in UTC, as in the
// sums of hours, or at midnight in local time.
func nextPeriod(each string, at time.Time) time.Time {
	year, month, day := at.Date()
	switch each {
	case "hour":
		return at.Truncate(time.Hour).Add(time.Hour)
	case "day":
		return midnight(year, month, day+1)
	}
	return midnight(year, month+1, 1)
}

func midnight(year int, month time.Month, day int) time.Time {
	at := time.Date(year, month, day, 0, 0, 0, 0, time.Local)
	if at.Hour() == 23 { // clocks skip midnight: the day begins an hour later
		at = at.Add(time.Hour)
	}
	return at
}

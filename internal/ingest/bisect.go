package ingest

import (
	"context"
	"errors"
	"fmt"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
)

const (
	// hopeless is how many rows in a row cannot be stored before a search for the bad
	// ones gives up: then it is not the rows.
	hopeless = 16
	// After enough refusals in a row, so few rows are no longer bisected: each attempt
	// costs a transaction, and all seem to be refused for one reason.
	enough = 256
	few    = 128
)

// storeRows stores the rows from begin to end. Those of a day that takes none are
// set aside. When the database refuses some of the others, it finds out which by
// halves and rejects them like bad lines.
func (l *loader) storeRows(ctx context.Context, begin, end int) error {
	err := l.storeAll(ctx, l.rows.Slice(begin, end))
	if err == nil {
		l.stored, l.refused = true, 0
		return nil
	}
	if day, ok := errors.AsType[*schema.DayError](err); ok {
		return l.storeOthers(ctx, begin, end, day)
	}
	sure := pgconn.ClassOf(err) == pgconn.Reject
	if !sure && (!l.Bisect || !pgconn.MayBeRows(err)) {
		return err
	}
	if !sure && l.cause == nil {
		l.cause = err
	}
	if l.refused++; sure && l.refused > enough && end-begin <= few {
		return l.rejectAll(begin, end, err)
	}
	if end-begin == 1 {
		reason := fmt.Errorf("refused by the database: %w", err)
		if sure {
			return l.give(l.Reject, begin, reason)
		}
		l.unsure = append(l.unsure, unsure{begin, reason})
		if len(l.unsure) >= hopeless && !l.stored {
			return l.cause
		}
		return nil
	}
	half := begin + (end-begin)/2
	if err := l.storeRows(ctx, begin, half); err != nil {
		return err
	}
	return l.storeRows(ctx, half, end)
}

// storeAll stores rows, all or none, when there is memory for it.
func (l *loader) storeAll(ctx context.Context, rows *store.Rows) error {
	giveBack, err := l.Budget.Take(ctx, rows)
	if err != nil {
		return err
	}
	defer giveBack()
	return l.Store(ctx, l.host, rows)
}

// rejectAll rejects rows that were refused together.
func (l *loader) rejectAll(begin, end int, err error) error {
	reason := fmt.Errorf("refused by the database, as were all of %d attempts before, or beside one that is: %w", l.refused-1, err)
	for n := begin; n < end; n++ {
		if err := l.give(l.Reject, n, reason); err != nil {
			return err
		}
	}
	return nil
}

// unsure is a row that could not be stored for whatever reason.
type unsure struct {
	n      int
	reason error
}

// rejectUnsure rejects such rows, unless nothing else could be stored either: then
// it may not be their fault.
func (l *loader) rejectUnsure() error {
	for _, row := range l.unsure {
		if !l.stored {
			return l.cause
		}
		if err := l.give(l.Reject, row.n, row.reason); err != nil {
			return err
		}
	}
	return nil
}

// storeOthers stores the rows of other days and postpones those of one.
func (l *loader) storeOthers(ctx context.Context, begin, end int, day *schema.DayError) error {
	order, ofDay := make([]int, 0, end-begin), []int(nil)
	for n := begin; n < end; n++ {
		if day.Has(l.rows.Time(n)) {
			ofDay = append(ofDay, n)
		} else {
			order = append(order, n)
		}
	}
	others := begin + len(order)
	if others == end {
		return day // no row is of that day
	}
	order = append(order, ofDay...)
	l.rows.Reorder(begin, order)
	from := make([]origin, len(order))
	for i, n := range order {
		from[i] = l.from[n]
	}
	copy(l.from[begin:], from)
	for n := others; n < end; n++ {
		if err := l.give(l.Postpone, n, day); err != nil {
			return err
		}
	}
	if begin == others {
		return nil
	}
	return l.storeRows(ctx, begin, others)
}

// give gives a row away as the line that it was.
func (l *loader) give(to func(int, *reportfile.BadLine) error, n int, reason error) error {
	row, from := l.rows.At(n), l.from[n]
	return to(int(from.File), &reportfile.BadLine{Number: int(from.Line), Text: l.text(int(from.File), &row), Reason: reason})
}

// text returns a row as the line that it was.
func (l *loader) text(file int, row *reportfile.Row) string {
	return l.Reader.Text(row, l.host, l.metrics[file])
}

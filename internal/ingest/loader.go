package ingest

import (
	"context"
	"errors"
	"slices"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
)

// origin is where a row was read.
type origin struct{ File, Line int32 }

// ReadError is an error of a file, as opposed to one of Store or of Reject.
// What was read of the file is held, or stored.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the file.
func (e *ReadError) Unwrap() error { return e.Err }

// loader loads the files of one host as if they were one. It may be left
// anywhere and begun again: what was stored is then found to be there.
type loader struct {
	// Rows is how many rows make a chunk, more or less: it ends with a report.
	Rows int
	// Most is how many rows of one report are held: a larger one is cut.
	Most int
	// Begin is the time of the oldest rows to load, in ns since the epoch; older
	// ones are left out, and counted in Past.
	Begin int64
	Past  int
	// Days, if there are any, bounds how many days a file may bring.
	Days *dayLimit
	// Store stores rows, all or none. An error of class pgconn.Reject makes
	// the loader look for the row that caused it; any other ends the loading.
	Store func(ctx context.Context, rows *store.Rows) error
	// Divide makes it look for the rows, too, of an error that nobody understands.
	Divide bool
	// Postpone, if there is one, is told each row of a day that takes none for now.
	Postpone func(file int, line *reportfile.BadLine) error
	// Reject is told each line that is no row, or that the database refuses.
	Reject func(file int, line *reportfile.BadLine) error
	// Text, if there is one, returns the line that a row was, for a file of which
	// the lines are not those of a report.
	Text func(file int, row *reportfile.Row) string

	rows store.Rows
	from []origin // of each of the rows
	last int      // where the last report in rows begins

	stored  bool // something of what is being stored was
	refused int  // how often in a row the database refused what there was to store
	unsure  []unsure
	cause   error // why it was divided
}

// take takes what was read: a row, or why there is none.
func (l *loader) take(ctx context.Context, row *reportfile.Row, err error, from origin) error {
	file := int(from.File)
	if err != nil {
		bad, ok := errors.AsType[*reportfile.BadLine](err)
		if !ok {
			return &ReadError{err}
		}
		return l.rejectLine(ctx, file, bad)
	}
	if row.Time < l.Begin {
		l.Past++
		return nil
	}
	taken, err := l.Days.take(ctx, row.Time)
	if err != nil {
		return err
	}
	if !taken {
		return l.rejectLine(ctx, file, &reportfile.BadLine{Number: int(from.Line), Text: l.text(file, row), Reason: l.Days.beyond(row.Time)})
	}
	l.hold(row, from)
	return l.storeSome(ctx)
}

func (l *loader) hold(row *reportfile.Row, from origin) {
	n := len(l.from)
	if n == cap(l.from) {
		l.grow()
	}
	if n > 0 && row.Time != l.rows.Time(n-1) {
		l.last = n
	}
	l.rows.Add(row)
	l.from = append(l.from, from)
}

// grow makes room for more rows: up to a chunk and some of the next report at
// first, since append alone would end with far too much.
func (l *loader) grow() {
	const least = 64 // there may be a loader for each of many hosts
	more, usual := max(cap(l.from), least), l.Rows+l.Rows/8-cap(l.from)
	if usual <= 0 {
		usual = max(l.Rows/4, least)
	}
	more = min(more, usual)
	l.rows.Grow(more)
	l.from = slices.Grow(l.from, more)
}

// rejectLine asks the context too: a file may hold nothing but bad lines.
func (l *loader) rejectLine(ctx context.Context, file int, line *reportfile.BadLine) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.Reject(file, line)
}

// Flush stores what is held.
func (l *loader) Flush(ctx context.Context) error { return l.store(ctx, len(l.from)) }

// storeSome stores what there is when it is enough, up to the last report in
// it: one that is cut in two has to be compared with its first half.
func (l *loader) storeSome(ctx context.Context) error {
	switch count := len(l.from); {
	case count-l.last >= l.Most || l.rows.Heavy():
		return l.store(ctx, count)
	case count >= l.Rows && l.last > 0:
		return l.store(ctx, l.last)
	}
	return nil
}

// store stores the first count rows.
func (l *loader) store(ctx context.Context, count int) error {
	if count == 0 {
		return nil
	}
	l.stored, l.unsure, l.cause = false, l.unsure[:0], nil
	if err := l.storeRows(ctx, 0, count); err != nil {
		return err
	}
	if err := l.rejectUnsure(); err != nil {
		return err
	}
	l.rows.Cut(count)
	l.from = append(l.from[:0], l.from[count:]...)
	l.last = max(0, l.last-count)
	return nil
}

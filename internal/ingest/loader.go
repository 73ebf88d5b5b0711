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
type ReadError struct{ error }

// Unwrap returns the error of the file.
func (e *ReadError) Unwrap() error { return e.error }

// loader loads the rows of one host.
type loader struct {
	*Files
	host  string
	most  int   // rows of one report that are held: a larger one is cut
	begin int64 // the time of the oldest rows to load, in ns since the epoch

	rows store.Rows
	from []origin // of each of the rows
	cut  int      // where the last report in rows begins

	stored  bool // something of what is being stored was
	refused int  // how often in a row the database refused what there was to store
	unsure  []unsure
	cause   error // why rows were bisected
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
	if row.Time < l.begin {
		l.past++
		return nil
	}
	taken, err := l.takesDay(ctx, row.Time)
	if err != nil {
		return err
	}
	if !taken {
		return l.rejectLine(ctx, file, &reportfile.BadLine{Number: int(from.Line), Text: l.text(file, row), Reason: l.beyondDays(row.Time)})
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
		l.cut = n
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

// storeSome stores what there is when it is enough, up to the last report in
// it: one that is cut in two has to be compared with its first half.
func (l *loader) storeSome(ctx context.Context) error {
	switch count := len(l.from); {
	case count-l.cut >= l.most || l.rows.Heavy():
		return l.store(ctx, count)
	case count >= l.Rows && l.cut > 0:
		return l.store(ctx, l.cut)
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
	l.cut = max(0, l.cut-count)
	return nil
}

package vpn_traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/report"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/trafficdb"
)

// chunkRows bounds the rows in memory and in one transaction.
const chunkRows = 50_000

// importTimeout bounds one transaction. One that waits for somebody's lock for
// longer is broken off, which the log then tells.
const importTimeout = 5 * time.Minute

// load is the import of one unit: reports of one host, read as if they were
// one. It can be broken off anywhere and begun again.
type load struct {
	*importer
	unit    []spool.Entry
	rejects []*spool.Rejects // for each of the unit, nil where it was not read

	rows []report.Row
	from []origin // of each of the rows
}

// origin is where a row was read.
type origin struct{ entry, line int }

func newLoad(im *importer, unit []spool.Entry) *load {
	return &load{importer: im, unit: unit, rejects: make([]*spool.Rejects, len(unit))}
}

func (l *load) run(ctx context.Context) error {
	for n := range l.unit {
		if err := l.read(ctx, n); err != nil {
			return err
		}
	}
	if err := l.store(ctx, len(l.rows)); err != nil {
		return err
	}
	for n, entry := range l.unit {
		if l.rejects[n] == nil {
			continue
		}
		if err := l.rejects[n].Commit(); err != nil {
			return err
		}
		if err := l.spool.Done(entry); err != nil {
			return err
		}
		l.counters.reports.Add(1)
	}
	return nil
}

// read reads the nth report, and stores whatever is too much to hold.
func (l *load) read(ctx context.Context, n int) error {
	entry := l.unit[n]
	file, err := l.spool.OpenEntry(entry)
	if err != nil {
		l.tellUnread(entry, err)
		return nil // one file of wrong permissions does not hold up the others
	}
	defer func() { _ = file.Close() }()
	l.rejects[n] = l.spool.Rejects(entry)
	in := report.NewReader(file)
	for {
		var row report.Row
		err := in.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if bad, ok := errors.AsType[*report.BadLine](err); ok {
			err = l.reject(n, bad)
		} else if err == nil {
			l.rows, l.from = append(l.rows, row), append(l.from, origin{n, in.Line()})
			err = l.storeSome(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (l *load) tellUnread(entry spool.Entry, err error) {
	if errors.Is(err, fs.ErrNotExist) || l.unread[entry.Name] {
		return
	}
	l.unread[entry.Name] = true
	l.log.Errorf("leaving a report alone: %v", err)
}

func (l *load) reject(n int, line *report.BadLine) error {
	if l.counters.rejected.Add(1); l.unit[n].Name != l.toldRejects {
		l.toldRejects = l.unit[n].Name
		l.log.Warnf("%s has lines that are no rows (%v); see %s/rejected/%s", l.unit[n].Name, line, l.spool.Dir(), l.unit[n].Name)
	}
	return l.rejects[n].Add(line)
}

// storeSome stores what there is when it is enough, up to the last time in it:
// a report cut in two would have to be compared with its first half.
func (l *load) storeSome(ctx context.Context) error {
	count := len(l.rows)
	if count < chunkRows || count%(chunkRows/8) != 0 {
		return nil
	}
	cut := count
	for cut > 0 && l.rows[cut-1].Time == l.rows[count-1].Time {
		cut--
	}
	if cut == 0 && count < 4*chunkRows {
		return nil
	}
	if cut == 0 {
		cut = count
	}
	return l.store(ctx, cut)
}

// store imports the first count rows.
func (l *load) store(ctx context.Context, count int) error {
	if err := l.importRows(ctx, l.rows[:count], l.from[:count]); err != nil {
		return err
	}
	l.rows = append(l.rows[:0], l.rows[count:]...)
	l.from = append(l.from[:0], l.from[count:]...)
	return nil
}

// importRows imports rows. When the database refuses one of them, it finds out
// which by halves and rejects it like a bad line.
func (l *load) importRows(ctx context.Context, rows []report.Row, from []origin) error {
	limited, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	result, err := l.db.Import(limited, l.unit[0].Host, rows)
	if err == nil {
		l.counters.inserted.Add(int64(result.Inserted))
		l.counters.duplicates.Add(int64(result.Duplicates))
		return nil
	}
	if trafficdb.ClassOf(err) != trafficdb.Reject {
		return &databaseError{err}
	}
	if len(rows) == 1 {
		text := strings.TrimSuffix(string(report.Append(nil, &rows[0])), "\n")
		reason := fmt.Errorf("refused by the database: %w", err)
		return l.reject(from[0].entry, &report.BadLine{Number: from[0].line, Text: text, Reason: reason})
	}
	half := len(rows) / 2
	if err := l.importRows(ctx, rows[:half], from[:half]); err != nil {
		return err
	}
	return l.importRows(ctx, rows[half:], from[half:])
}

func (l *load) abort() {
	for _, rejects := range l.rejects {
		if rejects != nil {
			rejects.Abort()
		}
	}
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/unpack"
)

// load is the import of one unit: files read as if they were one. It can be broken
// off anywhere and begun again.
type load struct {
	*Importer
	unit    []spool.Entry
	files   Files
	rejects []*spool.Rejects // for each of the unit, nil where it was not read
	later   []*spool.Rejects // the same
	aside   []error          // why it goes to rejected/ as a whole, nil where it does not
	failed  []error          // what the spool could not do with it, nil where it could
}

func newLoad(im *Importer, unit []spool.Entry) *load {
	count := len(unit)
	l := &load{
		Importer: im, unit: unit,
		rejects: make([]*spool.Rejects, count), later: make([]*spool.Rejects, count), aside: make([]error, count), failed: make([]error, count),
	}
	l.files = Files{
		Reader: NewFileReader(im.options.Metrics), Budget: im.budget, Rows: ChunkRows(importers()), Days: NewDays,
		Divide: im.alone[unit[0].Name], // which no one changes while units are imported
		Store:  l.store, HasDay: l.hasDay, Reject: l.reject, Postpone: l.postpone,
	}
	return l
}

func (l *load) run(ctx context.Context) error {
	begin := time.Now()
	for n := range l.unit {
		if err := l.read(ctx, n); err != nil {
			return err
		}
	}
	if err := l.files.Flush(ctx); err != nil {
		return err
	}
	for n := range l.unit {
		stored := false
		if l.failed[n] == nil && l.rejects[n] != nil {
			stored, l.failed[n] = l.finish(n)
		}
		if err := l.failed[n]; err != nil {
			l.stuck.add(l.unit[n], err, stored)
		} else if l.rejects[n] != nil {
			l.counters.reports.Add(1)
		}
	}
	l.counters.perReport.Store(int64(time.Since(begin)) / int64(len(l.unit)))
	return nil
}

// read reads the nth report, and stores whatever is too much to hold.
func (l *load) read(ctx context.Context, n int) error {
	entry := l.unit[n]
	file, err := l.spool.OpenEntry(entry)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		l.failed[n] = err
		return nil // one file of wrong permissions does not hold up the others
	}
	defer func() { _ = file.Close() }()
	l.rejects[n], l.later[n] = l.spool.Rejects(entry), l.spool.Later(entry)
	err = l.readRows(ctx, n, file)
	if fault, ok := errors.AsType[*unpack.Error](err); ok {
		l.aside[n] = fault
		l.counters.rejected.Add(1)
		return nil
	}
	if unread, ok := errors.AsType[*ReadError](err); ok {
		l.fail(n, unread)
		return nil
	}
	return err
}

// fail takes note of the first thing that the spool could not do with a report.
func (l *load) fail(n int, err error) {
	if l.failed[n] == nil {
		l.failed[n] = err
	}
}

// readRows sets a file without a single row aside: it is something else, and cut
// into lines it would be lost.
func (l *load) readRows(ctx context.Context, n int, file *os.File) error {
	in, err := unpack.New(file)
	if err != nil {
		return &ReadError{Err: err}
	}
	defer in.Close()
	if err := l.files.Read(ctx, n, in, l.unit[n].Host); err != nil {
		return err
	}
	l.logThin(l.unit[n])
	if first := l.rejects[n].First(); l.files.Reader.Rows() == 0 && first != nil {
		l.aside[n] = fmt.Errorf("no line of it is a row; %w", first)
	}
	return nil
}

// logThin logs that a file may have its columns in another order: one that was named
// by who made it, for those of our own have not.
func (l *load) logThin(entry spool.Entry) {
	warning := l.files.Reader.Thin().Warning(strconv.Quote(entry.Name))
	if warning != "" && reportfile.ParseName(entry.Name).Arrived.IsZero() && l.reported.first("thin "+entry.Name) {
		l.log.Warn(warning)
	}
}

// finish takes a report out of new/, the rows of which are stored. When it fails it
// returns whether that was all that was left to do.
func (l *load) finish(n int) (stored bool, err error) {
	entry, rejects, why := l.unit[n], l.rejects[n], l.aside[n]
	if err := l.later[n].Commit(); err != nil {
		return false, err
	}
	if why == nil {
		why = rejects.Overflow()
	}
	if why == nil {
		if err := rejects.Commit(); err != nil {
			return false, err
		}
		return true, l.spool.Done(entry)
	}
	rejects.Abort()
	if err := l.spool.Quarantine(entry, why); err != nil {
		return false, errors.Join(why, err)
	}
	l.log.Errorf("set %q aside as a whole in %s/rejected: %v", entry.Name, l.spool.Dir(), why)
	return false, nil
}

func (l *load) reject(n int, line *reportfile.BadLine) error {
	if l.failed[n] != nil {
		return nil // it comes again
	}
	if l.counters.rejected.Add(1); l.reported.first("rejected " + l.unit[n].Name) {
		l.log.Warnf("%q has lines that are no rows (%v); see %s/rejected", l.unit[n].Name, line, l.spool.Dir())
	}
	l.fail(n, l.rejects[n].Add(line))
	return nil
}

// postpone sets a row aside that cannot be stored for now.
func (l *load) postpone(n int, line *reportfile.BadLine) error {
	if l.counters.postponed.Add(1); l.reported.first("later " + line.Reason.Error()) {
		l.log.Warnf("%v; they wait in %s/later, tried again every %v, and all others are stored", line.Reason, l.spool.Dir(), againEvery)
	}
	l.fail(n, l.later[n].Add(line))
	return nil
}

// store imports rows. What it made of them is counted even when the unit is
// broken off later.
func (l *load) store(ctx context.Context, host string, rows *store.Rows) error {
	result, err := importRows(ctx, l.db, host, rows)
	if err != nil {
		return err
	}
	l.counters.inserted.Add(int64(result.Inserted))
	l.counters.duplicates.Add(int64(result.Duplicates))
	l.counters.expired.Add(int64(result.Expired))
	l.logConflicts(host, result.Conflicts)
	l.counters.lastCommit.Store(time.Now().UnixNano())
	return nil
}

func (l *load) hasDay(ctx context.Context, day time.Time) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	return l.db.HasDay(limited, day)
}

// logConflicts logs that two sources seem to have one name. Of a key, the row that
// came first is kept: nobody knows whether the other is more of it or instead.
func (l *load) logConflicts(host string, n int) {
	if n == 0 {
		return
	}
	if l.counters.conflicts.Add(int64(n)); l.reported.first("conflicts " + host) {
		l.log.Warnf("%d rows of host %q came again with other numbers, and were not stored: two gateways, or two inputs of one, seem to have that name; "+
			"give each its own, by hostname of Telegraf's agent and report_host of the input", n, host)
	}
}

func (l *load) abort() {
	for _, rejects := range slices.Concat(l.rejects, l.later) {
		if rejects != nil {
			rejects.Abort()
		}
	}
}

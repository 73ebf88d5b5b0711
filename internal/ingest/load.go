package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	unit  []unitFile
	files Files
}

// unitFile is one report of a unit.
type unitFile struct {
	spool.Entry
	rejects, later *spool.Rejects // nil where it was not read
	aside          error          // why it goes to rejected/ as a whole
	failed         error          // what the spool could not do with it
}

func newLoad(im *Importer, unit []spool.Entry) *load {
	l := &load{Importer: im}
	for _, entry := range unit {
		l.unit = append(l.unit, unitFile{Entry: entry})
	}
	l.files = Files{
		Reader: NewFileReader(im.options.Metrics), Budget: im.budget, Rows: ChunkRows(importers()), Days: NewDays,
		Bisect: im.alone[unit[0].Name], // which no one changes while units are imported
		Store:  l.store, HasDay: l.hasDay, Reject: l.reject, Postpone: l.postpone,
	}
	return l
}

func (l *load) run(ctx context.Context) error {
	begin := time.Now()
	for n := range l.unit {
		if err := l.read(ctx, n, &l.unit[n]); err != nil {
			return err
		}
	}
	if err := l.files.Flush(ctx); err != nil {
		return err
	}
	for n := range l.unit {
		f, stored := &l.unit[n], false
		if f.failed == nil && f.rejects != nil {
			stored, f.failed = l.finish(f)
		}
		if f.failed != nil {
			l.stuck.add(f.Entry, f.failed, stored)
		} else if f.rejects != nil {
			l.counters.reports.Add(1)
		}
	}
	l.counters.perReport.Store(int64(time.Since(begin)) / int64(len(l.unit)))
	return nil
}

// read reads the nth report, and stores whatever is too much to hold.
func (l *load) read(ctx context.Context, n int, f *unitFile) error {
	file, err := l.spool.OpenEntry(f.Entry)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		f.failed = err
		return nil // one file of wrong permissions does not hold up the others
	}
	defer func() { _ = file.Close() }()
	f.rejects, f.later = l.spool.Rejects(f.Entry), l.spool.Later(f.Entry)
	err = l.readRows(ctx, n, f, file)
	if fault, ok := errors.AsType[*unpack.Error](err); ok {
		f.aside = fault
		l.counters.rejected.Add(1)
		return nil
	}
	if unread, ok := errors.AsType[*ReadError](err); ok {
		f.fail(unread)
		return nil
	}
	return err
}

// fail takes note of the first thing that the spool could not do with a report.
func (f *unitFile) fail(err error) {
	if f.failed == nil {
		f.failed = err
	}
}

// readRows sets a file without a single row aside: it is something else, and cut
// into lines it would be lost.
func (l *load) readRows(ctx context.Context, n int, f *unitFile, file *os.File) error {
	in, err := unpack.New(file)
	if err != nil {
		return &ReadError{err}
	}
	defer in.Close()
	if err := l.files.Read(ctx, n, in, f.Host); err != nil {
		return err
	}
	l.logThin(f.Name)
	if first := f.rejects.First(); l.files.Reader.Rows() == 0 && first != nil {
		f.aside = fmt.Errorf("no line of it is a row; %w", first)
	}
	return nil
}

// logThin logs that a file may have its columns in another order: one that was named
// by who made it, for those of our own have not.
func (l *load) logThin(name string) {
	warning := l.files.Reader.Thin().Warning(strconv.Quote(name))
	if warning != "" && reportfile.ParseName(name).Arrived.IsZero() && l.reported.first("thin "+name) {
		l.log.Warn(warning)
	}
}

// finish takes a report whose rows are stored out of new/. When it fails it
// returns whether that was all that was left to do.
func (l *load) finish(f *unitFile) (stored bool, err error) {
	if err := f.later.Commit(); err != nil {
		return false, err
	}
	why := f.aside
	if why == nil {
		why = f.rejects.Overflow()
	}
	if why == nil {
		if err := f.rejects.Commit(); err != nil {
			return false, err
		}
		return true, l.spool.Done(f.Entry)
	}
	f.rejects.Abort()
	if err := l.spool.Quarantine(f.Entry, why); err != nil {
		return false, errors.Join(why, err)
	}
	l.log.Errorf("set %q aside as a whole in %s/rejected: %v", f.Name, l.spool.Dir(), why)
	return false, nil
}

func (l *load) reject(n int, line *reportfile.BadLine) error {
	l.pulse.beat()
	f := &l.unit[n]
	if f.failed != nil {
		return nil // it comes again
	}
	if l.counters.rejected.Add(1); l.reported.first("rejected " + f.Name) {
		l.log.Warnf("%q has lines that are not rows (%v); see %s/rejected", f.Name, line, l.spool.Dir())
	}
	f.fail(f.rejects.Add(line))
	return nil
}

// postpone sets a row aside that cannot be stored for now.
func (l *load) postpone(n int, line *reportfile.BadLine) error {
	l.pulse.beat()
	if l.counters.postponed.Add(1); l.reported.first("later " + line.Reason.Error()) {
		l.log.Warnf("%v; they wait in %s/later and are retried every %v; all other rows are stored", line.Reason, l.spool.Dir(), againEvery)
	}
	l.unit[n].fail(l.unit[n].later.Add(line))
	return nil
}

// store imports rows. What it made of them is counted even when the unit is
// broken off later.
func (l *load) store(ctx context.Context, host string, rows *store.Rows) error {
	result, err := importRows(ctx, l.options.Patience, l.db, host, rows)
	l.pulse.beat()
	if err != nil {
		return err
	}
	l.counters.add(result)
	l.logConflicts(host, result.Conflicts)
	l.counters.lastCommit.Store(time.Now().UnixNano())
	return nil
}

func (l *load) hasDay(ctx context.Context, day time.Time) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	defer l.pulse.beat()
	return l.db.HasDay(limited, day)
}

// logConflicts logs that two sources seem to have one name. Of a key, the row that
// came first is kept: nobody knows whether the other is more of it or instead.
func (l *load) logConflicts(host string, n int) {
	if n > 0 && l.reported.first("conflicts "+host) {
		l.log.Warnf("%d rows of host %q came again with other numbers and were not stored: two gateways, or two inputs on one, seem to use that name; "+
			"give each its own: hostname of Telegraf's agent, report_host of the input", n, host)
	}
}

func (l *load) abort() {
	for _, f := range l.unit {
		if f.rejects != nil {
			f.rejects.Abort()
			f.later.Abort()
		}
	}
}

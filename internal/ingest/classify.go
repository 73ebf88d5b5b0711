package ingest

import (
	"context"
	"errors"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/spool"
)

// databaseError is an error of the database, as opposed to one of the spool.
type databaseError struct{ error }

func (e *databaseError) Unwrap() error { return e.error }

// failure is what struck a unit.
type failure struct {
	unit []spool.Entry
	err  error
}

// own reports whether the failure may be the fault of the unit's rows.
func (f *failure) own() bool {
	problem, ok := errors.AsType[*databaseError](f.err)
	return ok && pgconn.MayBeRows(problem) && !errors.Is(f.err, context.Canceled)
}

type failures []failure

// hopeless reports whether there is no use in going on: the last one is nobody's
// own fault, or so many failed and nothing else was imported.
func (f failures) hopeless(others bool) bool {
	const enough = 3
	return !f[len(f)-1].own() || len(f) >= enough && !others
}

const (
	attempts = 5    // at what may be the fault of rows
	maxAlone = 4096 // reports, so that what was divided is forgotten some time
)

// judgeAll judges all failures, where others, which were imported, tell that it is
// not the database that fails.
func (im *Importer) judgeAll(ctx context.Context, failed failures, others bool) error {
	var errs []error
	for _, f := range failed {
		errs = append(errs, im.judge(ctx, f, others))
	}
	return errors.Join(errs...)
}

// judge decides what an error means for the reports that it struck, if any. It
// returns nil when it has found something to do about them.
func (im *Importer) judge(ctx context.Context, f failure, others bool) error {
	problem, ok := errors.AsType[*databaseError](f.err)
	if !ok {
		return f.err // the end of it all
	}
	if pgconn.IsGone(problem) {
		im.ready = false // somebody has dropped the schema
	}
	if pgconn.IsUnreachable(problem) {
		im.ready = false // what comes back may be another server
		if why := im.db.Ping(ctx); why != nil {
			return &databaseError{why}
		}
	}
	if len(f.unit) == 0 || !f.own() || !others && pgconn.ClassOf(problem) == pgconn.Retry {
		return f.err
	}
	name := f.unit[0].Name
	if im.failures[name]++; im.failures[name] < attempts {
		return f.err
	}
	delete(im.failures, name)
	if !im.alone[name] {
		im.divide(f.unit)
		return nil
	}
	for _, entry := range f.unit {
		delete(im.alone, entry.Name)
		if err := im.spool.Quarantine(entry, problem); err != nil {
			im.stuck.add(entry, errors.Join(problem, err), false)
			continue
		}
		im.log.Errorf("set %q aside in %s/rejected after %d attempts: %v", entry.Name, im.spool.Dir(), attempts, problem)
	}
	return nil
}

// divide has each report of a unit imported on its own, and its rows looked for
// that cannot be.
func (im *Importer) divide(unit []spool.Entry) {
	if len(im.alone) > maxAlone {
		clear(im.alone)
	}
	for _, entry := range unit {
		im.alone[entry.Name] = true
		im.failures[entry.Name] = attempts - 1
	}
	im.Wake()
}

// units puts consecutive small reports of one host together: a transaction for
// each would cost more than its rows.
func (im *Importer) units(entries []spool.Entry) (all [][]spool.Entry) {
	const maxBytes, maxFiles = 10 << 20, 256
	for len(entries) > 0 {
		n, bytes := 1, entries[0].Size
		for n < len(entries) && n < maxFiles && im.join(&entries[0], &entries[n]) && bytes+entries[n].Size <= maxBytes {
			bytes += entries[n].Size
			n++
		}
		all, entries = append(all, entries[:n]), entries[n:]
	}
	return all
}

func (im *Importer) join(a, b *spool.Entry) bool {
	return a.Host == b.Host && !im.alone[a.Name] && !im.alone[b.Name]
}

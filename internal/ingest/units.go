package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/spool"
)

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

// failure is what struck a unit.
type failure struct {
	unit []spool.Entry
	err  error
}

// importListed imports what was listed. What fails alone does not hold up what
// comes after it.
func (im *Importer) importListed(ctx context.Context, entries []spool.Entry) error {
	const enough = 3 // failures to look no further, as long as nothing was imported
	before, imported := im.counters.reports.Load(), 0
	var failed []failure
	for part := range slices.Chunk(im.units(entries), importers()) {
		f := im.importUnits(ctx, part)
		others := im.counters.reports.Load() > before
		switch {
		case f.err == nil:
			im.archiver.tidy()
			if now := int(im.counters.reports.Load() - before); now > imported {
				imported = now
				im.attempt = attempt{}
				im.retrier.recovered("importing again", fmt.Sprintf("; %d reports still wait", len(entries)-imported))
			}
			im.maintain(ctx)
			continue
		case !pgconn.MayBeRows(f.err) || ctx.Err() != nil:
			return f.wrapped()
		}
		if failed = append(failed, f); len(failed) >= enough && !others {
			return im.failed(failed[0], false)
		}
	}
	var errs []error
	for _, f := range failed {
		errs = append(errs, im.failed(f, im.counters.reports.Load() > before))
	}
	return errors.Join(errs...)
}

// importers returns how many units are imported at once when many wait: the
// database is busy with one while we read and sum up another.
func importers() int { return min(2, runtime.GOMAXPROCS(0)) }

// importUnits imports units at once, and returns the first failure.
func (im *Importer) importUnits(ctx context.Context, part [][]spool.Entry) failure {
	errs := make([]error, len(part))
	var group sync.WaitGroup
	for n, unit := range part {
		group.Go(func() { errs[n] = im.importUnit(ctx, unit) })
	}
	group.Wait()
	for n, err := range errs {
		if err != nil {
			return failure{part[n], err}
		}
	}
	return failure{}
}

func (im *Importer) importUnit(ctx context.Context, unit []spool.Entry) error {
	l := newLoad(im, unit)
	defer l.abort()
	return l.run(ctx)
}

func (f *failure) wrapped() error { return fmt.Errorf("importing %s: %w", f.unit[0].Name, f.err) }

// failed decides about a unit that failed. It returns nil when it has found something
// to do about its reports: to look for the rows that cannot be stored, or to set
// aside what still fails then.
func (im *Importer) failed(f failure, others bool) error {
	name := f.unit[0].Name
	a := im.attempts[name]
	if a == nil {
		a = new(attempt)
		im.attempts[name] = a
	}
	if a.classify(f.err, others) != blameRows {
		return f.wrapped()
	}
	delete(im.attempts, name)
	if !im.alone[name] {
		im.separate(f.unit)
		return nil
	}
	for _, entry := range f.unit {
		file := &stuckFile{entry: entry, err: f.err, tries: maxAttempts}
		if err := im.stuck.setAside(file); err != nil {
			im.stuck.add(entry, errors.Join(f.err, err), false)
		}
	}
	return nil
}

// separate has each report of a unit imported on its own, and its rows looked for
// that cannot be.
func (im *Importer) separate(unit []spool.Entry) {
	for _, entry := range unit {
		im.alone[entry.Name] = true
		im.attempts[entry.Name] = &attempt{limit: 1}
	}
	im.separated++
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
)

// importRuns cuts the ordered sources into runs that can be imported in parallel. Only
// one transaction at a time can update the rollups of an hour, so the files of an hour
// stay together. Small files stay together to make transactions large.
func importRuns(sources []importSource) (runs [][]importSource) {
	const enough = 4 << 20 // bytes of a run
	var size int64
	begin := 0
	for i := range sources {
		if i > begin && !joins(&sources[i], &sources[i-1], size >= enough) {
			runs = append(runs, sources[begin:i])
			begin, size = i, 0
		}
		size += sources[i].size
	}
	return append(runs, sources[begin:])
}

// joins reports whether a source belongs to the run of the one before; enough says that
// the run is large enough already.
func joins(source, before *importSource, enough bool) bool {
	return source.host == before.host && !source.stream && !before.stream && (!enough || importHour(source) == importHour(before))
}

func importHour(s *importSource) int64 {
	if s.first == math.MaxInt64 {
		return s.first
	}
	return s.first / int64(time.Hour)
}

// importRuns imports runs, several in parallel, and creates the indexes of new days.
func (j *importJob) importRuns(ctx context.Context, runs [][]importSource) {
	group, groupCtx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(j.options.jobs, len(runs)) {
		group.Go(func() error {
			w := newImportWorker(j)
			for n := next.Add(1) - 1; n < int64(len(runs)); n = next.Add(1) - 1 {
				if err := w.load(groupCtx, runs[n]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err = group.Wait(); err == nil && ctx.Err() == nil {
			err = j.index(ctx)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		const grace = 2 * time.Second // a server that does not answer is left behind
		select {
		case <-done:
		case <-time.After(grace):
		}
		return
	}
	if err != nil && ctx.Err() == nil {
		j.fail(err)
	}
}

// index creates the indexes of new days.
func (j *importJob) index(ctx context.Context) error {
	return j.retrier.Do(ctx, func(ctx context.Context) error {
		return j.db.Index(ctx, func(partition string) { j.log.Debugf("making the index of %s", partition) })
	})
}

// importWorker imports one run at a time.
type importWorker struct {
	*importJob
	files ingest.Files
	run   []importSource
	in    *importInput // being read, or the last one
	shown int64        // bytes of it, in the progress bar
	once  bool         // rows are being divided that failed often enough
}

func newImportWorker(j *importJob) *importWorker {
	w := &importWorker{importJob: j}
	w.files = ingest.Files{
		Reader: j.sink.FileReader(), Budget: j.budget, Rows: ingest.ChunkRows(j.options.jobs), Days: j.options.days, Begin: j.begin, Divide: true,
		Store: w.store, HasDay: w.hasDay, Reject: w.reject, Postpone: w.postpone,
	}
	return w
}

// load imports the files of a run as if they were one.
func (w *importWorker) load(ctx context.Context, run []importSource) error {
	w.run = run
	defer func() { w.counts.past.Add(int64(w.files.Past())) }()
	whole := 0
	for n, source := range run {
		err := w.read(ctx, n)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if unread, ok := errors.AsType[*ingest.ReadError](err); ok {
			w.failFile(unread)
			continue // what was read of it is in, or will be
		}
		if err != nil {
			return fmt.Errorf("importing %s: %w", source.path, err)
		}
		whole++
	}
	if err := w.files.Flush(ctx); err != nil {
		return fmt.Errorf("importing %s: %w", run[len(run)-1].path, err)
	}
	w.showProgress(0)
	w.counts.files.Add(int64(whole))
	return nil
}

func (w *importWorker) read(ctx context.Context, n int) error {
	in, err := w.open(ctx, w.run[n])
	if err != nil {
		return &ingest.ReadError{Err: err}
	}
	defer func() { _ = in.Close() }()
	w.showProgress(0)
	w.in, w.shown = in, 0
	err = w.files.Read(ctx, n, in.Reader, w.run[n].host)
	w.logThin(w.run[n].path)
	if unread, ok := errors.AsType[*ingest.ReadError](err); ok {
		unread.Err = fmt.Errorf("reading %s: %w", w.run[n].path, unread.Err)
	}
	return err
}

// logThin warns once that a file may have its columns in another order. The summary
// counts such rows of all files.
func (w *importWorker) logThin(path string) {
	thin := w.files.Reader.Thin()
	if rows := int64(thin.Rows); rows > 0 && w.counts.thin.Add(rows) == rows {
		w.log.Warn(thin.Warning(printable.Line(path)))
	}
}

func (w *importWorker) open(ctx context.Context, source importSource) (*importInput, error) {
	switch {
	case source.path == "-":
		return newInput(&stream{w.stdin, ctx})
	case source.stream:
		file, err := os.Open(source.path)
		if err != nil {
			return nil, err
		}
		return newInput(&stream{file, ctx})
	}
	return openInput(source.path)
}

func (w *importWorker) store(ctx context.Context, host string, rows *store.Rows) error {
	result, err := w.retrier.Import(ctx, host, rows, w.once)
	w.once = err != nil && pgconn.ClassOf(err) == pgconn.Unknown || w.once && rows.Len() < w.files.Rows
	if err != nil {
		return err
	}
	w.counts.inserted.Add(int64(result.Inserted))
	w.counts.duplicates.Add(int64(result.Duplicates))
	w.counts.expired.Add(int64(result.Expired))
	if n := int64(result.Conflicts); n > 0 && w.counts.conflicts.Add(n) == n {
		w.log.Warnf("rows of host %q came before with other numbers, and those stay: are they of another gateway? -host gives files a host", host)
	}
	w.showProgress(rows.Len())
	return nil
}

func (w *importWorker) hasDay(ctx context.Context, day time.Time) (has bool, err error) {
	err = w.retrier.Do(ctx, func(ctx context.Context) error {
		has, err = w.db.HasDay(ctx, day)
		return err
	})
	return has, err
}

func (w *importWorker) reject(n int, line *reportfile.BadLine) error {
	w.counts.rejected.Add(1)
	return w.rejects.add(w.run[n].path, line, w.files.Metrics(n))
}

// postpone logs rows that cannot be stored for now, once for each day.
func (w *importWorker) postpone(_ int, line *reportfile.BadLine) error {
	w.counts.postponed.Add(1)
	if _, told := w.postponed.LoadOrStore(line.Reason.Error(), true); !told {
		w.fail(line.Reason)
	}
	return nil
}

// showProgress adds to the bar what was read and stored.
func (w *importWorker) showProgress(rows int) {
	if w.in != nil {
		w.bar.Add(w.in.read-w.shown, int64(rows))
		w.shown = w.in.read
	}
}

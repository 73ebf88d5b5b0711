package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
)

// runsOf cuts the ordered sources into runs that can be imported in parallel. Only
// one transaction at a time can update the rollups of an hour, so the files of an hour
// stay together. Small files stay together to make transactions large.
func runsOf(sources []source) (runs [][]source) {
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
func joins(s, before *source, enough bool) bool {
	return s.host == before.host && !s.stream && !before.stream && (!enough || hourOf(s) == hourOf(before))
}

func hourOf(s *source) int64 {
	if s.first == math.MaxInt64 {
		return s.first
	}
	return s.first / int64(time.Hour)
}

// importRuns imports runs, several in parallel, and creates the indexes of new days.
func (j *Job) importRuns(ctx context.Context, runs [][]source) {
	group, groupCtx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(j.Parallel, len(runs)) {
		group.Go(func() error {
			w := newWorker(j)
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
func (j *Job) index(ctx context.Context) error {
	return j.retrier.Do(ctx, func(ctx context.Context) error {
		return j.DB.Index(ctx, func(partition string) { j.log.Debugf("making the index of %s", partition) })
	})
}

// worker imports one run at a time.
type worker struct {
	*Job
	files Files
	run   []source
	in    *input // being read, or the last one
	shown int64  // bytes of it, in the progress bar
	once  bool   // rows are being bisected that failed often enough
}

func newWorker(j *Job) *worker {
	w := &worker{Job: j}
	w.files = Files{
		Reader: NewFileReader(j.Metrics), Budget: j.budget, Rows: ChunkRows(j.Parallel), Days: j.Days, Begin: j.begin, Bisect: true,
		Store: w.store, HasDay: w.hasDay, Reject: w.reject, Postpone: w.postpone,
	}
	return w
}

// load imports the files of a run as if they were one.
func (w *worker) load(ctx context.Context, run []source) error {
	w.run = run
	defer func() { w.counts.past.Add(int64(w.files.Past())) }()
	whole := 0
	for n := range run {
		err := w.read(ctx, n)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if unread, ok := errors.AsType[*ReadError](err); ok {
			w.failFile(unread)
			continue // what was read of it is in, or will be
		}
		if err != nil {
			return fmt.Errorf("importing %s: %w", run[n].path, err)
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

func (w *worker) read(ctx context.Context, n int) error {
	in, err := w.open(ctx, &w.run[n])
	if err != nil {
		return &ReadError{err}
	}
	defer in.close()
	w.showProgress(0)
	w.in, w.shown = in, 0
	err = w.files.Read(ctx, n, in.Reader, w.run[n].host)
	w.logThin(w.run[n].path)
	if unread, ok := errors.AsType[*ReadError](err); ok {
		unread.error = fmt.Errorf("reading %s: %w", w.run[n].path, unread.error)
	}
	return err
}

// logThin warns once that a file may have its columns in another order. The summary
// counts such rows of all files.
func (w *worker) logThin(path string) {
	thin := w.files.Reader.Thin()
	if rows := int64(thin.Rows); rows > 0 && w.counts.thin.Add(rows) == rows {
		w.log.Warn(thin.Warning(printable.Line(path)))
	}
}

func (w *worker) store(ctx context.Context, host string, rows *store.Rows) error {
	result, err := w.retrier.Import(ctx, host, rows, w.once)
	w.once = err != nil && pgconn.ClassOf(err) == pgconn.Unknown || w.once && rows.Len() < w.files.Rows
	if err != nil {
		return err
	}
	if w.counts.add(result) {
		w.log.Warnf("rows of host %q are stored with other numbers, which were kept: do the files belong to another gateway? -host NAME names it", host)
	}
	w.showProgress(rows.Len())
	return nil
}

func (w *worker) hasDay(ctx context.Context, day time.Time) (has bool, err error) {
	err = w.retrier.Do(ctx, func(ctx context.Context) error {
		has, err = w.DB.HasDay(ctx, day)
		return err
	})
	return has, err
}

func (w *worker) reject(n int, line *reportfile.BadLine) error {
	w.counts.rejected.Add(1)
	return w.rejects.add(w.run[n].path, line, w.files.Metrics(n))
}

// postpone logs rows that cannot be stored for now, once for each day.
func (w *worker) postpone(_ int, line *reportfile.BadLine) error {
	w.counts.postponed.Add(1)
	if w.reported.first(line.Reason.Error()) {
		w.fail(line.Reason)
	}
	return nil
}

// showProgress adds to the bar what was read and stored.
func (w *worker) showProgress(rows int) {
	if w.in != nil {
		read := w.in.Consumed()
		w.bar.Add(read-w.shown, int64(rows))
		w.shown = read
	}
}

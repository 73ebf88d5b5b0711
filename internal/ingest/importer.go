package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/store"
)

const (
	statusEvery = 10 * time.Minute // as long as something is imported
	againEvery  = 10 * time.Minute // for what the database did not take
)

// ImporterOptions are what an Importer works with.
type ImporterOptions struct {
	DB      *store.DB
	Spool   *spool.Spool
	Log     Logger
	Metrics Metrics
	Keep    schema.Retention
	Scan    time.Duration // how often to look for reports that nobody told of
}

// Importer moves reports from the spool to the database, in their order, in a
// goroutine of its own between Start and Stop.
type Importer struct {
	options  ImporterOptions
	spool    *spool.Spool
	db       *store.DB
	log      Logger
	counters counters
	health   health
	lookout  lookout
	keeper   keeper
	upkeep   upkeep
	told     told
	stuck    stuck

	ready    bool            // the schema is there and current
	failures map[string]int  // by report, of those that may be its own fault
	alone    map[string]bool // reports that are imported each on its own, for what is wrong with one
	tried    time.Time       // when what was set aside was tried last
	budget   *Budget

	woken   chan struct{}
	newest  atomic.Int64  // when it was last woken, in ns since the epoch
	closing chan struct{} // closed by Stop: import what is left, then end
	ended   chan struct{} // closed when the goroutine has ended
	cancel  context.CancelFunc
}

// NewImporter returns an Importer that is to be started.
func NewImporter(o ImporterOptions) *Importer {
	db, log, reports := o.DB, o.Log, o.Spool
	im := &Importer{
		options: o, spool: reports, db: db, log: log,
		health:   health{log: log, spool: reports},
		lookout:  lookout{log: log, spool: reports, scan: o.Scan},
		keeper:   keeper{log: log, spool: reports},
		stuck:    newStuck(log, reports),
		failures: make(map[string]int), alone: make(map[string]bool),
		budget:  NewBudget(),
		woken:   make(chan struct{}, 1),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
	}
	im.upkeep = upkeep{
		log: log, db: db, spool: reports, counters: &im.counters, keep: o.Keep, sink: sinkName(reports.Dir()), started: time.Now(),
		troubles: make(map[string]bool),
	}
	return im
}

// Start begins importing.
func (im *Importer) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	im.cancel = cancel
	go im.run(ctx) // until Stop
}

// CountRejected takes note of what was rejected before it became a report.
func (im *Importer) CountRejected(n int) { im.counters.rejected.Add(int64(n)) }

// Wake says that there is a new report.
func (im *Importer) Wake() {
	im.newest.Store(time.Now().UnixNano())
	select {
	case im.woken <- struct{}{}:
	default:
	}
}

// Stop ends the goroutine: after it has imported what is left, or else within
// timeout. A server that does not answer at all can hold it for longer; then
// Stop leaves it behind, for the process is about to end.
func (im *Importer) Stop(timeout time.Duration) {
	close(im.closing)
	defer im.cancel()
	const grace = time.Second
	select {
	case <-im.ended:
	case <-time.After(timeout):
		im.cancel()
		select {
		case <-im.ended:
		case <-time.After(grace):
			im.log.Warn("Postgres does not answer; ending without waiting for it")
			return
		}
	}
	im.keeper.tell()
	im.log.Info(im.counters.status(im.spool.Stats()))
}

func (im *Importer) run(ctx context.Context) {
	defer close(im.ended)
	im.lookout.open(im.Wake) // before the first look, to miss nothing
	defer im.lookout.close()
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	for {
		im.keeper.tidy()
		last := im.isClosing() // decided before the look into the spool
		err := im.importAll(ctx)
		if last || ctx.Err() != nil {
			if im.ready {
				im.upkeep.finish(ctx)
			}
			return
		}
		pause, woken := im.stuck.pause(im.lookout.pause()), im.woken
		if err != nil {
			pause, woken = im.health.failed(err), nil // new reports change nothing
		} else {
			im.health.fine()
		}
		select {
		case <-im.closing:
		case <-woken:
		case <-im.lookout.lost():
			im.lookout.open(im.Wake)
		case <-time.After(pause):
		}
		select {
		case <-status.C:
			im.keeper.tell()
			im.counters.logChange(im.log, im.spool.Stats())
		default:
		}
	}
}

func (im *Importer) isClosing() bool {
	select {
	case <-im.closing:
		return true
	default:
		return false
	}
}

// importAll imports all that waits, and what arrives meanwhile.
func (im *Importer) importAll(ctx context.Context) error {
	if !im.ready {
		if err := im.db.Migrate(ctx); err != nil {
			return im.judge(ctx, failure{err: &databaseError{err}}, false)
		}
		im.ready = true
		im.health.storing(im.db.Place())
	}
	if time.Since(im.tried) >= againEvery {
		im.tried = time.Now()
		if err := im.spool.Again(); err != nil && im.told.first("again "+err.Error()) {
			im.log.Warn(err)
		}
	}
	for {
		im.settle()
		entries, err := im.spool.List()
		im.sayStrange(im.spool.Strange())
		if err != nil {
			return err
		}
		before := im.counters.reports.Load()
		due, done := im.stuck.sort(entries, time.Now())
		im.counters.reports.Add(int64(done))
		err = errors.Join(im.importListed(ctx, due), im.stuck.judge(time.Now()))
		im.counters.passed.Store(im.stuck.count())
		if err != nil {
			return err
		}
		if im.counters.reports.Load() == before {
			im.upkeep.do(ctx)
			return nil // whatever is left can't be imported
		}
	}
}

// importListed imports what was listed. What fails alone does not hold up what
// comes after it.
func (im *Importer) importListed(ctx context.Context, entries []spool.Entry) error {
	var failed failures
	before := im.counters.reports.Load()
	done := before
	for part := range slices.Chunk(im.units(entries), importers()) {
		if unit, err := im.importUnits(ctx, part); err != nil {
			failed = append(failed, failure{unit, err})
			if alone := im.counters.reports.Load() > before; failed.hopeless(alone) {
				return im.judge(ctx, failed[0], alone)
			}
			continue
		}
		im.keeper.tidy()
		if now := im.counters.reports.Load(); now > done {
			done = now
			im.health.worked(len(entries) - int(done-before))
		}
		im.upkeep.do(ctx)
	}
	return im.judgeAll(ctx, failed, im.counters.reports.Load() > before)
}

// importers returns how many units are imported at once when many wait: the
// database is busy with one while we read and sum up another.
func importers() int { return min(2, runtime.GOMAXPROCS(0)) }

// importUnits imports units at once. When that fails it returns an error, and
// the unit that caused it.
func (im *Importer) importUnits(ctx context.Context, part [][]spool.Entry) ([]spool.Entry, error) {
	errs := make([]error, len(part))
	var group sync.WaitGroup
	for n, unit := range part {
		group.Go(func() { errs[n] = im.importUnit(ctx, unit) })
	}
	group.Wait()
	for n, err := range errs {
		if err != nil {
			return part[n], err
		}
	}
	return nil, nil
}

func (im *Importer) importUnit(ctx context.Context, unit []spool.Entry) error {
	l := newLoad(im, unit)
	defer l.abort()
	if err := l.run(ctx); err != nil {
		return fmt.Errorf("importing %s: %w", unit[0].Name, err)
	}
	return nil
}

package ingest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/influxdata/telegraf"

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
	Log     telegraf.Logger
	Metrics Metrics
	Keep    schema.Retention
	Scan    time.Duration // how often to look for reports that no event announced

	Patience time.Duration // with one transaction
}

// Importer moves reports from the spool to the database, in their order, in a
// goroutine of its own between Start and Stop. Up to two units are imported at once
// by goroutines that it waits for: they share the counters, what was reported, stuck
// and the budget, each of which has a lock. All else belongs to the one goroutine.
type Importer struct {
	options     ImporterOptions
	spool       *spool.Spool
	db          *store.DB
	log         telegraf.Logger
	counters    counters
	retrier     Retrier
	archiver    archiver
	maintenance maintenance
	reported    reported
	pulse       pulse
	stuck       stuck
	budget      *Budget

	attempt   attempt             // to import what waits
	attempts  map[string]*attempt // to import units that failed, by their first report
	alone     map[string]bool     // reports that are imported each on its own, for what is wrong with one
	separated int64               // units
	tried     time.Time           // when what was postponed was tried last
	place     string              // where rows are stored, as logged last
	watch     *spool.Watch        // nil when the kernel does not tell of new reports

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
		retrier:  Retrier{DB: db, Log: log, Kept: "reports stay in " + reports.Dir() + ", "},
		archiver: archiver{log: log, spool: reports},
		pulse:    pulse{begin: time.Now()},
		stuck:    newStuck(log, reports),
		budget:   NewBudget(),
		attempt:  attempt{lost: true}, // which brings the schema up to date
		attempts: make(map[string]*attempt), alone: make(map[string]bool),
		woken:   make(chan struct{}, 1),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
	}
	im.maintenance = maintenance{
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
// Stop leaves it behind, since the process is about to end.
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
			im.log.Warn("Postgres does not answer: ending without it; the reports stay in the spool")
			return
		}
	}
	im.archiver.logDeleted()
	im.log.Info(im.counters.status(im.spool.Stats()))
}

func (im *Importer) run(ctx context.Context) {
	defer close(im.ended)
	im.watchSpool() // before the first look, to miss nothing
	defer func() {
		if err := im.watch.Close(); err != nil {
			im.log.Warnf("ending the watch over the spool: %v", err)
		}
	}()
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	for {
		im.pulse.beat()
		im.archiver.tidy()
		last := im.isClosing() // decided before the look into the spool
		if im.attempt.lost {
			_, _ = im.spool.List() // counts what waits meanwhile; importAll reports errors
			im.pulse.rest()        // migrations take as long as they take
		}
		err := im.retrier.try(ctx, &im.attempt, im.importAll)
		im.pulse.beat()
		if last || ctx.Err() != nil {
			if !im.attempt.lost {
				im.maintenance.finish(ctx)
			}
			return
		}
		im.wait(im.afterPass(err))
		select {
		case <-status.C:
			im.archiver.logDeleted()
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

// afterPass returns how long to wait for the next look into the spool, and what
// may end that.
func (im *Importer) afterPass(err error) (pause time.Duration, woken <-chan struct{}) {
	if err != nil {
		d := im.attempt.classify(err, false)
		im.retrier.failed(d, err)
		return im.attempt.next(d), nil // new reports change nothing
	}
	im.attempt = attempt{}
	im.retrier.recovered("all is well again", "")
	return im.idlePause(), im.woken
}

func (im *Importer) wait(pause time.Duration, woken <-chan struct{}) {
	select {
	case <-im.closing:
	case <-woken:
	case <-im.watch.Lost():
		im.watchSpool()
	case <-time.After(pause):
	}
}

// importAll imports all that waits, and what arrives meanwhile.
func (im *Importer) importAll(ctx context.Context) error {
	im.logPlace()
	im.tryPostponed()
	for {
		im.pulse.beat()
		im.awaitQuiet()
		entries, err := im.spool.List()
		im.logStrange(im.spool.Strange())
		if err != nil {
			return &spoolError{err}
		}
		before := im.progress()
		due, done := im.stuck.sort(entries, time.Now())
		im.counters.reports.Add(int64(done))
		err = errors.Join(im.importListed(ctx, due), im.stuck.decide(time.Now()))
		im.counters.passed.Store(im.stuck.count())
		if err != nil {
			return err
		}
		if im.progress() == before {
			clear(im.attempts)
			clear(im.alone)
			im.maintain(ctx)
			return nil // whatever is left can't be imported
		}
	}
}

// progress is another number when there may be more to import.
func (im *Importer) progress() int64 { return im.counters.reports.Load() + im.separated }

// logPlace logs where rows are stored from now on: what a wrong dsn, or the failover
// to another host, shows first.
func (im *Importer) logPlace() {
	if place := im.db.Place(); place != im.place {
		im.place = place
		im.log.Infof("storing into %s", place)
	}
}

// tryPostponed has rows imported again that the database did not take.
func (im *Importer) tryPostponed() {
	if time.Since(im.tried) < againEvery {
		return
	}
	im.tried = time.Now()
	if err := im.spool.Again(); err != nil && im.reported.first("again "+err.Error()) {
		im.log.Warn(err)
	}
}

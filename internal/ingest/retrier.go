package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
)

// Patience bounds one transaction: one that waits longer for somebody's lock is
// broken off, and the log says so.
const Patience = 5 * time.Minute

// Retrier keeps a program working with a database through its outages. Several
// goroutines may use it at once: each pauses for itself, and each change of state is
// logged once for all of them.
type Retrier struct {
	DB    *store.DB
	Log   telegraf.Logger
	Limit time.Duration // of one outage, after which Do gives up
	Kept  string        // for the log: what becomes of reports meanwhile

	mu      sync.Mutex
	stored  bool      // rows were
	trouble string    // that was logged last, "" when all is well
	reason  string    // of it
	since   time.Time // when that began
}

// Import stores rows, all or none. With once it does not try again after an error
// that the rows may have caused.
func (r *Retrier) Import(ctx context.Context, host string, rows *store.Rows, once bool) (result store.Result, err error) {
	var a attempt
	if once {
		a.limit = 1
	}
	err = r.do(ctx, &a, func(ctx context.Context) error {
		result, err = importRows(ctx, Patience, r.DB, host, rows)
		return err
	})
	if err == nil {
		r.mu.Lock()
		r.stored = true // a role may have the right to look at the tables, but not to store
		r.mu.Unlock()
	}
	return result, err
}

func importRows(ctx context.Context, patience time.Duration, db *store.DB, host string, rows *store.Rows) (store.Result, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return db.ImportRows(limited, host, rows)
}

// Do calls fn until it succeeds. It gives up when the context ends, when the rows are
// to blame (see classify), when the database has refused us from the start, and when
// an outage lasts longer than the limit.
func (r *Retrier) Do(ctx context.Context, fn func(context.Context) error) error {
	return r.do(ctx, new(attempt), fn)
}

func (r *Retrier) do(ctx context.Context, a *attempt, fn func(context.Context) error) error {
	for {
		err := r.try(ctx, a, fn)
		switch {
		case err == nil:
			r.recovered("going on", "")
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		d := a.classify(err, false)
		pause := a.next(d)
		if err := r.givesUp(a, d, err); err != nil {
			return err
		}
		r.failed(d, err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// try calls fn once. Before that it brings the schema up to date where another server
// may answer now.
func (r *Retrier) try(ctx context.Context, a *attempt, fn func(context.Context) error) (err error) {
	if a.lost {
		err = r.DB.Migrate(ctx)
		a.lost = err != nil
	}
	if err == nil {
		err = fn(ctx)
	}
	switch {
	case isSpoolError(err):
	case pgconn.IsGone(err):
		a.lost = true
	case pgconn.IsUnreachable(err):
		a.lost = true
		if why := r.DB.Ping(ctx); why != nil {
			return why // which a connection that breaks often does not tell
		}
	}
	return err
}

// givesUp returns an error when there shall be no other attempt.
func (r *Retrier) givesUp(a *attempt, d decision, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch lasted := time.Since(a.since); {
	case d == retryNow:
		return nil
	case d == blameRows && pgconn.ClassOf(err) == pgconn.Unknown:
		return fmt.Errorf("after %d attempts: %w", a.suspicion, err)
	case d == blameRows, !r.stored && pgconn.IsMisconfigured(err):
		return err
	case lasted >= r.Limit:
		return fmt.Errorf("gave up after %v: %w", lasted.Round(100*time.Millisecond), err)
	}
	return nil
}

// failed logs a trouble, unless it is the one that was logged last.
func (r *Retrier) failed(d decision, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := "cannot work with the spool"
	if !isSpoolError(err) {
		what = pgconn.Describe(err)
	}
	switch {
	case d == retryNow:
		r.Log.Debugf("trying again: %v", err)
		return
	case what == r.trouble:
		r.Log.Debugf("%s: %v; still so", what, pgconn.Reason(err))
		return
	case r.trouble == "":
		r.since = time.Now()
	}
	r.trouble, r.reason = what, pgconn.Reason(err).Error()
	var limit string
	if r.Limit > 0 && pgconn.ClassOf(err) != pgconn.Unknown { // attempts are counted for that, not time
		limit = fmt.Sprintf(" for up to %v", r.Limit)
	}
	r.Log.Warnf("%s: %v; %strying again%s", what, pgconn.Reason(err), r.Kept, limit)
}

// recovered logs that a trouble is over, what goes on now, and more.
func (r *Retrier) recovered(now, more string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble != "" {
		r.Log.Infof("%s after %v (%s)%s", now, time.Since(r.since).Round(100*time.Millisecond), r.trouble, more)
		r.trouble = ""
	}
}

// state says in a line what the program works with, or what keeps it from that.
func (r *Retrier) state(place string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.trouble != "":
		return printable.Line(fmt.Sprintf("%s since %s: %s", r.trouble, r.since.Format(time.TimeOnly), r.reason))
	case place != "":
		return "storing into " + place
	}
	return "looking for Postgres"
}

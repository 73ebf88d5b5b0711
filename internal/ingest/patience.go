package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
)

// ImportTimeout bounds one transaction. One that waits for somebody's lock for
// longer is broken off, which the log then tells.
const ImportTimeout = 5 * time.Minute

const (
	// momentary failures are told only if that many happen in a row.
	momentary = 10
)

// Patience keeps several at once working with a database through its outages:
// it tries again, pausing longer and longer, and says each change of state once
// for all of them.
type Patience struct {
	DB    *store.DB
	Limit time.Duration // of one outage
	Log   Logger

	mu      sync.Mutex
	begun   bool      // rows were stored
	trouble string    // what is told already, "" for nothing
	since   time.Time // when that began
}

// Open waits for the database and brings its schema up to date.
func (p *Patience) Open(ctx context.Context) error { return p.Do(ctx, p.DB.Migrate) }

// Import stores rows, all or none. With once it does not try again after an error
// that nobody understands.
func (p *Patience) Import(ctx context.Context, host string, rows *store.Rows, once bool) (result store.Result, err error) {
	t := trial{attempts: attempts}
	if once {
		t.attempts = 1
	}
	err = p.do(ctx, &t, func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, ImportTimeout)
		defer cancel()
		result, err = p.DB.ImportRows(limited, host, rows)
		return err
	})
	if err == nil {
		p.begin()
	}
	return result, err
}

// begin takes note that the database takes rows: whoever may look at the tables
// may not store yet.
func (p *Patience) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
}

// Do calls fn until it succeeds. It gives up when the context ends, when the
// database refuses the rows themselves, when it has refused us from the start,
// when an outage lasts longer than the limit, and when an error that nobody
// understands comes again and again.
func (p *Patience) Do(ctx context.Context, fn func(context.Context) error) error {
	return p.do(ctx, &trial{attempts: attempts}, fn)
}

func (p *Patience) do(ctx context.Context, t *trial, fn func(context.Context) error) error {
	for {
		err := p.try(ctx, t, fn)
		switch {
		case err == nil:
			p.worked()
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case pgconn.ClassOf(err) == pgconn.Reject, pgconn.ClassOf(err) == pgconn.Day:
			return err
		}
		pause, err := p.failed(t, err)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// trial is what one Do has seen.
type trial struct {
	since     time.Time // the first failure that was not a momentary one
	pause     time.Duration
	attempts  int  // at what nobody understands
	momentary int  // failures of that kind
	unknown   int  // of that kind
	lost      bool // the connection, or the tables: what comes back may be another server
}

func (p *Patience) try(ctx context.Context, t *trial, fn func(context.Context) error) error {
	if t.lost {
		if err := p.DB.Migrate(ctx); err != nil {
			return err
		}
		t.lost = false
	}
	err := fn(ctx)
	t.lost = pgconn.IsGone(err) || pgconn.IsUnreachable(err)
	if !pgconn.IsUnreachable(err) {
		return err
	}
	if why := p.DB.Ping(ctx); why != nil {
		return why // which a connection that breaks often does not tell
	}
	return err
}

// failed takes note of a failure. It returns how long to wait before the next
// attempt, or an error when there shall be none.
func (p *Patience) failed(t *trial, err error) (time.Duration, error) {
	if pgconn.IsMomentary(err) {
		if t.momentary++; t.momentary <= momentary {
			return jitter(minPause / 10), nil
		}
	}
	if pgconn.ClassOf(err) == pgconn.Unknown {
		if t.unknown++; t.unknown >= t.attempts {
			return 0, fmt.Errorf("after %d attempts: %w", t.unknown, err)
		}
	}
	if t.since.IsZero() {
		t.since = time.Now()
	}
	if lasted := time.Since(t.since); lasted >= p.Limit {
		return 0, fmt.Errorf("gave up after %v: %w", lasted.Round(100*time.Millisecond), err)
	}
	t.pause = min(max(2*t.pause, minPause), maxPause)
	return jitter(t.pause), p.tell(err)
}

// tell tells a trouble, unless it was told or is there from the start and will
// stay.
func (p *Patience) tell(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun && pgconn.IsMisconfigured(err) {
		return err
	}
	what := pgconn.Describe(err)
	if what == p.trouble {
		return nil
	}
	if p.trouble == "" {
		p.since = time.Now()
	}
	p.trouble = what
	limit := fmt.Sprintf(" for up to %v", p.Limit)
	if pgconn.ClassOf(err) == pgconn.Unknown {
		limit = "" // it is the attempts that are counted
	}
	p.Log.Warnf("%s: %v; trying again%s", what, pgconn.Reason(err), limit)
	return nil
}

func (p *Patience) worked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trouble != "" {
		p.Log.Infof("going on after %v (%s)", time.Since(p.since).Round(100*time.Millisecond), p.trouble)
		p.trouble = ""
	}
}

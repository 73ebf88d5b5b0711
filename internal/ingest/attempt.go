package ingest

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
)

const (
	// The pause after a failure doubles from one to the next, between these.
	minPause = 500 * time.Millisecond
	maxPause = 10 * time.Second

	// maxTransient is how many transient failures are retried at once and without
	// a log line.
	maxTransient = 10
	// maxAttempts is how often rows or a file are tried before they are to blame.
	maxAttempts = 5
)

// attempt is what one operation has met since it last succeeded.
type attempt struct {
	lost      bool // the connection or the tables: migrate first, for another server may answer
	transient int  // failures of that kind
	suspicion int  // failures that the rows may have caused
	limit     int  // of these; 0 for maxAttempts
	pause     time.Duration
	since     time.Time // the first failure that was not transient
}

// decision is what to do after an error.
type decision int

const (
	retryLater decision = iota // the database is in the way, or the spool: pause, and log it
	retryNow                   // another transaction was in the way
	blameRows                  // reject, postpone, bisect or set aside what was to be stored
)

// classify decides what to do after one more error. With others, the database has
// stored other rows since: a missing table is then one that a trigger looks for, and
// only some rows meet that trigger.
func (a *attempt) classify(err error, others bool) decision {
	class := pgconn.ClassOf(err)
	switch {
	case isSpoolError(err):
		return retryLater
	case pgconn.IsMomentary(err) && a.transient < maxTransient:
		a.transient++
		return retryNow
	case class == pgconn.Reject, class == pgconn.Day:
		return blameRows
	case class == pgconn.Unknown, others && pgconn.MayBeRows(err):
		if a.suspicion++; a.suspicion >= cmp.Or(a.limit, maxAttempts) {
			return blameRows
		}
	}
	return retryLater
}

// next returns how long to pause before trying again.
func (a *attempt) next(d decision) time.Duration {
	if d == retryNow {
		return jitter(minPause / 10)
	}
	if a.since.IsZero() {
		a.since = time.Now()
	}
	a.pause = min(max(2*a.pause, minPause), maxPause)
	return jitter(a.pause)
}

// jitter returns d give or take a quarter, so that several do not connect at once.
func jitter(d time.Duration) time.Duration { return d - d/4 + rand.N(d/2) }

// spoolError is an error of the spool as a whole, as opposed to one of the database.
type spoolError struct{ error }

func (e *spoolError) Unwrap() error { return e.error }

func isSpoolError(err error) bool {
	_, ok := errors.AsType[*spoolError](err)
	return ok
}

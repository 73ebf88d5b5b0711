package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/spool"
)

// The pause after a failure doubles from one to the next, between these.
const (
	minPause = 500 * time.Millisecond
	maxPause = 10 * time.Second
)

// health knows whether importing works, and says each change of that once.
type health struct {
	log   Logger
	spool *spool.Spool

	trouble   string    // what is told already, "" for nothing
	since     time.Time // when it began
	pause     time.Duration
	momentary int    // momentary failures in a row
	place     string // where rows are stored, as told last
}

// storing takes note of where rows are stored from now on: what a wrong dsn, or
// the failover to another host, shows first.
func (h *health) storing(place string) {
	if place != h.place {
		h.place = place
		h.log.Infof("storing into %s", place)
	}
}

// failed takes note of a failure, and returns how long to wait before the next
// attempt.
func (h *health) failed(err error) time.Duration {
	if pgconn.IsMomentary(err) && h.trouble == "" && h.momentary < 3 {
		h.momentary++
		h.log.Debugf("trying again: %v", err)
		return jitter(minPause / 10)
	}
	what := describe(err)
	if what == h.trouble {
		h.log.Debugf("%s: %v; still so", what, pgconn.Reason(err))
	} else {
		if h.trouble == "" {
			h.since = time.Now()
		}
		h.trouble = what
		h.log.Warnf("%s: %v; reports stay in %s, trying again", what, pgconn.Reason(err), h.spool.Dir())
	}
	h.pause = min(max(2*h.pause, minPause), maxPause)
	return jitter(h.pause)
}

// describe names the kind of trouble that an error is.
func describe(err error) string {
	if problem, ok := errors.AsType[*databaseError](err); ok {
		return pgconn.Describe(problem)
	}
	return "cannot work with the spool"
}

// worked takes note that reports were imported, and that more wait.
func (h *health) worked(waiting int) {
	h.momentary, h.pause = 0, 0
	if h.trouble == "" {
		return
	}
	h.log.Infof("importing again after %v (%s); %d reports still wait", h.lasted(), h.trouble, waiting)
	h.trouble = ""
}

// fine takes note that nothing is left to do.
func (h *health) fine() {
	h.momentary, h.pause = 0, 0
	if h.trouble == "" {
		return
	}
	h.log.Infof("all is well again after %v (%s)", h.lasted(), h.trouble)
	h.trouble = ""
}

func (h *health) lasted() time.Duration { return time.Since(h.since).Round(100 * time.Millisecond) }

// jitter returns d give or take a quarter, so that several sinks do not knock
// at once.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + rand.N(d/2)
}

// counters count since the start. Write and the importer both add.
type counters struct {
	inserted, duplicates, conflicts, expired, rejected, postponed, reports atomic.Int64

	passed atomic.Int64 // reports that can be neither imported nor moved, now

	lastCommit atomic.Int64 // ns since the epoch, 0 before the first
	perReport  atomic.Int64 // ns that the last unit took, for each of its reports

	told int64 // the sum of all at the last log line
}

func (c *counters) status(waiting spool.Stats) string {
	var expired string
	if n := c.expired.Load(); n > 0 {
		expired = fmt.Sprintf(", %d of reports that are gone by retention", n)
	}
	var later string
	if n := waiting.Later.Files; n > 0 {
		later = fmt.Sprintf(", of which %d files hold rows that it does not take for now", n)
	}
	if n := c.passed.Load(); n > 0 {
		later += fmt.Sprintf(", of which %d files are passed over", n)
	}
	var conflicts string
	if n := c.conflicts.Load(); n > 0 {
		conflicts = fmt.Sprintf(" (%d of them with other numbers)", n)
	}
	return fmt.Sprintf("imported %d rows from %d reports, %d duplicates%s%s, %d rejected in this run; %d bytes wait in the spool%s",
		c.inserted.Load(), c.reports.Load(), c.duplicates.Load(), conflicts, expired, c.rejected.Load(), waiting.Waiting.Bytes, later)
}

// logChange logs the status if it is another than the last time.
func (c *counters) logChange(log Logger, waiting spool.Stats) {
	sum := c.inserted.Load() + c.reports.Load() + c.duplicates.Load() + c.expired.Load() + c.rejected.Load()
	if sum != c.told {
		c.told = sum
		log.Info(c.status(waiting))
	}
}

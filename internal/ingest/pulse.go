package ingest

import (
	"fmt"
	"sync/atomic"
	"time"

	"telegraf-conntrack-accounting/internal/spool"
)

// pulse tells an importer that works, or waits for something with a limit, from one that is
// stuck. It beats after each transaction, each line that is not a row, and each pause.
// Between two beats there are at most two times Patience: a transaction, and another one
// that it had to wait for.
type pulse struct {
	begin time.Time    // has the monotonic clock, so a clock that is set does no harm
	last  atomic.Int64 // the last beat, in ns since begin, or resting
}

const resting = -1

func (p *pulse) beat() { p.last.Store(int64(time.Since(p.begin))) }

// rest says that the next step has no limit.
func (p *pulse) rest() { p.last.Store(resting) }

func (p *pulse) since() time.Duration {
	last := p.last.Load()
	if last == resting {
		return 0
	}
	return time.Since(p.begin) - time.Duration(last)
}

// Status says in a line what waits, and what keeps it from being imported. The importer
// is stuck when it has not moved for longer than it may take: a server can keep even a
// transaction that we have broken off from ending.
func (im *Importer) Status() (line string, stuck bool) {
	line = waitingLine(im.spool.Stats().Waiting) + "; " + im.retrier.state(im.db.Place())
	if since := im.pulse.since(); since > 2*im.options.Patience {
		return fmt.Sprintf("importing has not moved for %v; %s", since.Round(time.Second), line), true
	}
	return line, false
}

func waitingLine(waiting spool.Count) string {
	switch waiting.Files {
	case 0:
		return "no report waits"
	case 1:
		return fmt.Sprintf("1 report waits (%d bytes)", waiting.Bytes)
	}
	return fmt.Sprintf("%d reports wait (%d bytes)", waiting.Files, waiting.Bytes)
}

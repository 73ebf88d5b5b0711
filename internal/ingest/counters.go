package ingest

import (
	"fmt"
	"sync/atomic"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/store"
)

// rowCounts count what became of rows. Several goroutines may add.
type rowCounts struct {
	inserted, duplicates, expired, rejected atomic.Int64
	conflicts                               atomic.Int64 // duplicates with other numbers
	postponed                               atomic.Int64 // rows of days that take none for now
}

// add adds what became of rows that were to be stored, and reports whether some of
// them are the first conflicts.
func (c *rowCounts) add(result store.Result) (firstConflicts bool) {
	c.inserted.Add(int64(result.Inserted))
	c.duplicates.Add(int64(result.Duplicates))
	c.expired.Add(int64(result.Expired))
	n := int64(result.Conflicts)
	return n > 0 && c.conflicts.Add(n) == n
}

// counters count since the start. Write and the importer both add.
type counters struct {
	rowCounts
	reports atomic.Int64

	passed atomic.Int64 // reports that can be neither imported nor moved, now

	lastCommit atomic.Int64 // ns since the epoch, 0 before the first
	perReport  atomic.Int64 // ns that the last unit took, for each of its reports

	logged int64 // the sum of all at the last log line
}

func (c *counters) status(waiting spool.Stats) string {
	var expired string
	if n := c.expired.Load(); n > 0 {
		expired = fmt.Sprintf(", %d of reports that retention has dropped", n)
	}
	var later string
	if n := waiting.Later.Files; n > 0 {
		later = fmt.Sprintf(", %d of its files with rows that the database does not take for now", n)
	}
	if n := c.passed.Load(); n > 0 {
		later += fmt.Sprintf(", %d of its files are skipped", n)
	}
	var conflicts string
	if n := c.conflicts.Load(); n > 0 {
		conflicts = fmt.Sprintf(" (%d of them with other numbers)", n)
	}
	return fmt.Sprintf("imported %d rows from %d reports, %d duplicates%s%s, %d rejected in this run; %d bytes wait in the spool%s",
		c.inserted.Load(), c.reports.Load(), c.duplicates.Load(), conflicts, expired, c.rejected.Load(), waiting.Waiting.Bytes, later)
}

// logChange logs the status if it is another than the last time.
func (c *counters) logChange(log telegraf.Logger, waiting spool.Stats) {
	sum := c.inserted.Load() + c.reports.Load() + c.duplicates.Load() + c.expired.Load() + c.rejected.Load()
	if sum != c.logged {
		c.logged = sum
		log.Info(c.status(waiting))
	}
}

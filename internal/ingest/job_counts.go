package ingest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// jobCounts are the results of a Job.
type jobCounts struct {
	rowCounts
	sources int64 // files to import

	files, filesFailed atomic.Int64

	past atomic.Int64 // rows that retention would drop
	thin atomic.Int64 // rows with too few bytes for their packets

	failed  atomic.Bool // something could not be imported
	refused bool        // nothing was imported, since retention would drop it
}

// failFile logs why a file could not be imported.
func (j *Job) failFile(err error) {
	j.counts.filesFailed.Add(1)
	j.fail(err)
}

// Summary returns the results in a line.
func (j *Job) Summary(took time.Duration) string {
	c := &j.counts
	var s strings.Builder
	fmt.Fprintf(&s, "%d of %d files: %d rows imported, %d duplicate, %d rejected", c.files.Load(), c.sources,
		c.inserted.Load(), c.duplicates.Load(), c.rejected.Load())
	if n := c.conflicts.Load(); n > 0 {
		fmt.Fprintf(&s, ", %d of the duplicates with other numbers", n)
	}
	if n := c.expired.Load(); n > 0 {
		fmt.Fprintf(&s, ", %d of reports that were imported once and have been dropped since", n)
	}
	if n := c.postponed.Load(); n > 0 {
		fmt.Fprintf(&s, ", %d of days that take none for now", n)
	}
	if n := c.thin.Load(); n > 0 {
		fmt.Fprintf(&s, ", %d with fewer than 20 bytes a packet", n)
	}
	if n := c.past.Load(); n > 0 {
		fmt.Fprintf(&s, ", %d older than the retention and left out (-past-retention takes them)", n)
	}
	rows := c.inserted.Load() + c.duplicates.Load() + c.expired.Load()
	fmt.Fprintf(&s, "; %.1f s, %.0f rows/s", took.Seconds(), float64(rows)/took.Seconds())
	return s.String()
}

// Outcome is what became of a Job.
type Outcome int

// The worst of these that is true of some rows or files is a Job's outcome.
const (
	Done     Outcome = iota
	Past             // rows were left out that retention has dropped, or would
	Rejected         // lines were rejected, all else is in
	Failed           // something could not be imported
)

// Outcome returns what became of the job.
func (j *Job) Outcome() Outcome {
	switch {
	case j.counts.failed.Load():
		return Failed
	case j.counts.rejected.Load() > 0:
		return Rejected
	case j.counts.refused, j.counts.past.Load() > 0, j.counts.expired.Load() > 0:
		return Past
	}
	return Done
}

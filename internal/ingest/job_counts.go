package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"telegraf-conntrack-accounting/internal/command"
)

// importCounts are the results of an import.
type importCounts struct {
	sources int64 // files to import

	files, filesFailed                      atomic.Int64
	inserted, duplicates, expired, rejected atomic.Int64
	conflicts                               atomic.Int64 // duplicates with other numbers
	past                                    atomic.Int64 // rows that retention would drop
	postponed                               atomic.Int64 // rows of days that take none
	thin                                    atomic.Int64 // rows with too few bytes for their packets

	failed  atomic.Bool // something could not be imported
	refused bool        // nothing was imported, since retention would drop it
}

// failFile logs why a file could not be imported.
func (j *importJob) failFile(err error) {
	j.counts.filesFailed.Add(1)
	j.fail(err)
}

// summary returns the last line that import prints.
func (j *importJob) summary(took time.Duration) string {
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
		fmt.Fprintf(&s, ", %d older than the retention and left out (-%s takes them)", n, pastRetention)
	}
	rows := c.inserted.Load() + c.duplicates.Load() + c.expired.Load()
	fmt.Fprintf(&s, "; %.1f s, %.0f rows/s", took.Seconds(), float64(rows)/took.Seconds())
	return s.String()
}

func (j *importJob) exitCode(ctx context.Context) int {
	if i, ok := errors.AsType[*interrupted](context.Cause(ctx)); ok {
		return exitSignal + int(i.signal)
	}
	switch {
	case j.counts.failed.Load():
		return exitFailed
	case j.counts.rejected.Load() > 0:
		return exitRejected
	case j.counts.refused, j.counts.past.Load() > 0, j.counts.expired.Load() > 0:
		return exitPast
	}
	return command.Done
}

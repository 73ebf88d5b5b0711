package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sync/semaphore"

	"telegraf-conntrack-accounting/internal/report"
)

// What one transaction holds, more or less.
const (
	chunkRows = 40_000 // rows, up to the end of a report
	chunkMost = 44_000 // rows; a larger report is cut
)

// What workers may hold in common, so that the program stays below 100 MB
// however many there are. Rows of a report are each of another series and cost
// the sums of a series, too; those of the next report mostly fall into them.
const (
	importBudget    = 48 << 20
	rowMemory       = 200
	seriesMemory    = 800
	importHeapLimit = 64 << 20 // from here on the garbage collector spares no effort
)

func newImportBudget() *semaphore.Weighted {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(importHeapLimit)
	}
	return semaphore.NewWeighted(importBudget)
}

// importMemory estimates how much memory it takes to store rows.
func importMemory(rows []report.Row) int64 {
	most, count := 0, 0
	for i := range rows {
		if i > 0 && rows[i].Time != rows[i-1].Time {
			count = 0
		}
		count++
		most = max(most, count)
	}
	return min(importBudget, int64(len(rows)*rowMemory+most*seriesMemory))
}

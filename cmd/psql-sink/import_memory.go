package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sync/semaphore"

	"telegraf-conntrack-accounting/internal/report"
)

// What workers may hold in common, so that the program stays below 100 MB
// however many there are. Rows of a report are each of another series and cost
// the sums of a series, too; those of the next report mostly fall into them.
const (
	importBudget    = 48 << 20
	rowMemory       = 150
	seriesMemory    = 500
	importHeapLimit = 64 << 20 // from here on the garbage collector spares no effort
)

// reportMost is how many rows of a report are stored in one transaction.
const reportMost = 40_000

// importChunk is how many rows a transaction has, more or less. The more, the
// better, since each adds to the sums of its hour, until the garbage collector
// works against the limit of memory.
func importChunk(jobs int) int {
	const held, least, most = 120_000, 20_000, 100_000
	return min(max(held/jobs, least), most)
}

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

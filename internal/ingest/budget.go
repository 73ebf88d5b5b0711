package ingest

import (
	"context"
	"os"
	"runtime/debug"

	"golang.org/x/sync/semaphore"

	"telegraf-conntrack-accounting/internal/store"
)

// What imports may hold in common, so that a program stays below 100 MB however
// many run at once and whatever waits. Rows of a report are each of another
// series and cost the sums of a series, too; those of the next report mostly fall
// into them.
const (
	budget       = 48 << 20
	rowMemory    = 130
	seriesMemory = 500
	heapLimit    = 64 << 20 // from here on the garbage collector spares no effort
)

// LimitMemory limits the heap of the program, unless GOMEMLIMIT does.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}

// reportMost is how many rows of a report are stored in one transaction.
const reportMost = 40_000

// ChunkRows is how many rows a transaction has, more or less, where so many
// imports run at once. The more, the better, since each adds to the sums of its
// hour, until the garbage collector works against the limit of memory.
func ChunkRows(imports int) int {
	const held, least, most = 200_000, 20_000, 100_000
	return min(max(held/imports, least), most)
}

// Budget is memory that imports share.
type Budget struct{ left *semaphore.Weighted }

// NewBudget returns a Budget for all imports of the program.
func NewBudget() *Budget { return &Budget{semaphore.NewWeighted(budget)} }

// Take waits until there is memory to store rows, and takes it. The caller has to
// call giveBack when they are stored.
func (b *Budget) Take(ctx context.Context, rows *store.Rows) (giveBack func(), err error) {
	memory := memoryOf(rows)
	if err := b.left.Acquire(ctx, memory); err != nil {
		return nil, err
	}
	return func() { b.left.Release(memory) }, nil
}

// memoryOf estimates how much memory it takes to store rows.
func memoryOf(rows *store.Rows) int64 {
	most, count := 0, 0
	for i := range rows.Len() {
		if i > 0 && rows.Time(i) != rows.Time(i-1) {
			count = 0
		}
		count++
		most = max(most, count)
	}
	return min(budget, int64(rows.Len()*rowMemory+most*seriesMemory))
}

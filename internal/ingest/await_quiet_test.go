package ingest

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/spool"
)

// The batches that a gather comes in are imported together, but none waits long.
func TestAwaitQuiet(t *testing.T) {
	reports, err := spool.Open(t.TempDir(), spool.Options{})
	require.NoError(t, err)
	took := func(t *testing.T, during func(im *Importer)) (took time.Duration) {
		synctest.Test(t, func(*testing.T) {
			im := NewImporter(ImporterOptions{Spool: reports})
			var others sync.WaitGroup
			others.Go(func() { during(im) })
			synctest.Wait()
			begin := time.Now()
			im.awaitQuiet()
			took = time.Since(begin)
			others.Wait()
		})
		return took
	}
	batches := func(count int, every time.Duration) func(im *Importer) {
		return func(im *Importer) {
			for range count {
				im.Wake()
				time.Sleep(every)
			}
		}
	}
	require.Zero(t, took(t, func(*Importer) {}), "nothing is new")
	require.Equal(t, 200*time.Millisecond, took(t, batches(1, 0)))
	require.InDelta(t, 500*time.Millisecond, took(t, batches(4, 100*time.Millisecond)), float64(20*time.Millisecond), "the last came after 300 ms")
	require.InDelta(t, time.Second, took(t, batches(100, 100*time.Millisecond)), float64(20*time.Millisecond), "they do not end")
	require.Zero(t, took(t, func(im *Importer) {
		im.Wake()
		close(im.closing)
	}), "the program ends")
	require.NoError(t, reports.Put("gw", make([]byte, 4<<20)))
	require.Zero(t, took(t, batches(1, 0)), "there is enough for a transaction")
}

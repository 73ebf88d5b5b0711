package ingest

import "time"

// awaitQuiet waits until the batches that a gather comes in are there, or enough of
// them for a large transaction: each further one has to be compared with what is
// stored of the gather, and adds to the sums of the same minute and hour.
func (im *Importer) awaitQuiet() {
	const quiet, longest, enough = 200 * time.Millisecond, time.Second, 3 << 20
	for begin := time.Now(); time.Since(begin) < longest && im.spool.Waiting() < enough; {
		left := quiet - time.Since(time.Unix(0, im.newest.Load()))
		if left <= 0 {
			return
		}
		select {
		case <-im.closing:
			return
		case <-time.After(min(left, 20*time.Millisecond)):
		}
	}
}

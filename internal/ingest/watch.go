package ingest

import (
	"time"
)

const (
	// ScanEvery is how often to look for what the watch may have missed.
	ScanEvery = 10 * time.Second
	scanAlone = time.Second // without a watch
)

// watchSpool has the kernel wake the importer when a report appears. Where the kernel
// cannot, it logs that once, and pauses are shorter then.
func (im *Importer) watchSpool() {
	var err error
	if im.watch, err = im.spool.Watch(im.Wake); err == nil {
		return
	}
	im.options.Scan = min(im.options.Scan, scanAlone)
	im.log.Warnf("%v; looking for new files every %v instead", err, im.options.Scan)
}

// idlePause returns how long to wait before the next look into the spool when all is
// well.
func (im *Importer) idlePause() time.Duration {
	pause := im.options.Scan
	if at := im.spool.Settles(); !at.IsZero() {
		pause = min(pause, max(time.Until(at), 0))
	}
	return im.stuck.pause(pause)
}

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

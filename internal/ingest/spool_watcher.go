package ingest

import (
	"time"

	"telegraf-conntrack-accounting/internal/spool"
)

const (
	// ScanEvery is how often to look for what the watch may have missed.
	ScanEvery = 10 * time.Second
	scanAlone = time.Second // without a watch
)

// spoolWatcher knows when to look into the spool for reports that others put there.
type spoolWatcher struct {
	log   Logger
	spool *spool.Spool
	scan  time.Duration
	watch *spool.Watch // nil when the kernel does not tell of them
}

// open has wake called when a report appears. Where the kernel cannot tell, it
// says so once; pause is shorter then.
func (w *spoolWatcher) open(wake func()) {
	watch, err := w.spool.Watch(wake)
	w.watch = watch
	if err == nil {
		return
	}
	w.scan = min(w.scan, scanAlone)
	w.log.Warnf("%v; looking for new files every %v instead", err, w.scan)
}

// lost is closed when nothing more will be told.
func (w *spoolWatcher) lost() <-chan struct{} {
	if w.watch == nil {
		return nil
	}
	return w.watch.Lost()
}

// pause returns how long to wait before the next look.
func (w *spoolWatcher) pause() time.Duration {
	at := w.spool.Settles()
	if at.IsZero() {
		return w.scan
	}
	return min(w.scan, max(time.Until(at), 0))
}

func (w *spoolWatcher) close() {
	if w.watch == nil {
		return
	}
	if err := w.watch.Close(); err != nil {
		w.log.Warnf("ending the watch over the spool: %v", err)
	}
}

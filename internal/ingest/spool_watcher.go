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

// lookout knows when to look into the spool for reports that others put there.
type lookout struct {
	log   Logger
	spool *spool.Spool
	scan  time.Duration
	watch *spool.Watch // nil when the kernel does not tell of them
}

// open has wake called when a report appears. Where the kernel cannot tell, it
// says so once; pause is shorter then.
func (l *lookout) open(wake func()) {
	watch, err := l.spool.Watch(wake)
	l.watch = watch
	if err == nil {
		return
	}
	l.scan = min(l.scan, scanAlone)
	l.log.Warnf("%v; looking for new files every %v instead", err, l.scan)
}

// lost is closed when nothing more will be told.
func (l *lookout) lost() <-chan struct{} {
	if l.watch == nil {
		return nil
	}
	return l.watch.Lost()
}

// pause returns how long to wait before the next look.
func (l *lookout) pause() time.Duration {
	at := l.spool.Settles()
	if at.IsZero() {
		return l.scan
	}
	return min(l.scan, max(time.Until(at), 0))
}

func (l *lookout) close() {
	if l.watch == nil {
		return
	}
	if err := l.watch.Close(); err != nil {
		l.log.Warnf("ending the watch over the spool: %v", err)
	}
}

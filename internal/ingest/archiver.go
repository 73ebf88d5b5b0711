package ingest

import (
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/spool"
)

// archiver keeps the spool's folders within their limits, and logs what that
// took. Whatever goes wrong there does not keep reports from being imported.
type archiver struct {
	log   telegraf.Logger
	spool *spool.Spool

	began   bool
	trouble bool  // is logged
	logged  int64 // files deleted, at the last line about them
}

func (a *archiver) tidy() {
	err := a.spool.Tidy(time.Now())
	if err != nil && !a.trouble {
		a.log.Warnf("the spool may grow: %v", err)
	}
	a.trouble = err != nil
	if a.began {
		return
	}
	a.began = true
	if rejected := a.spool.Stats().Rejected; rejected.Files > 0 {
		a.log.Infof("%s/rejected holds %d files (%d bytes): each says why; mend and move them back to new/, or delete them",
			a.spool.Dir(), rejected.Files, rejected.Bytes)
	}
}

// logDeleted logs what was deleted since the last time.
func (a *archiver) logDeleted() {
	stats := a.spool.Stats()
	if stats.Deleted.Files == a.logged {
		return
	}
	a.log.Infof("deleted the oldest %d files from %s/processed, to keep to archive_max_age and archive_max_size (%d bytes in this run); %d files (%d bytes) are left",
		stats.Deleted.Files-a.logged, a.spool.Dir(), stats.Deleted.Bytes, stats.Archived.Files, stats.Archived.Bytes)
	a.logged = stats.Deleted.Files
}

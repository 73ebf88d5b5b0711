package ingest

import (
	"time"

	"telegraf-conntrack-accounting/internal/spool"
)

// keeper keeps the spool's folders within their limits, and tells what that
// took. Whatever goes wrong there does not keep reports from being imported.
type keeper struct {
	log   Logger
	spool *spool.Spool

	began   bool
	trouble bool  // is told
	told    int64 // files deleted, at the last line about them
}

func (k *keeper) tidy() {
	err := k.spool.Tidy(time.Now())
	if err != nil && !k.trouble {
		k.log.Warnf("the spool may grow: %v", err)
	}
	k.trouble = err != nil
	if k.began {
		return
	}
	k.began = true
	if rejected := k.spool.Stats().Rejected; rejected.Files > 0 {
		k.log.Infof("%s/rejected holds %d files (%d bytes): each says why; mend and move them back to new/, or delete them",
			k.spool.Dir(), rejected.Files, rejected.Bytes)
	}
}

// tell says what was deleted since the last time.
func (k *keeper) tell() {
	stats := k.spool.Stats()
	if stats.Deleted.Files == k.told {
		return
	}
	k.log.Infof("deleted the oldest %d files from %s/processed, as archive_max_age and archive_max_size say (%d bytes in this run); %d files (%d bytes) are left",
		stats.Deleted.Files-k.told, k.spool.Dir(), stats.Deleted.Bytes, stats.Archived.Files, stats.Archived.Bytes)
	k.told = stats.Deleted.Files
}

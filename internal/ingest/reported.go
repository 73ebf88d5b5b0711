package ingest

import (
	"fmt"
	"strings"
	"sync"
)

// reported knows what was logged already, to log it once.
type reported struct {
	mu   sync.Mutex
	what map[string]bool
}

// first reports whether this is logged for the first time, or for the first time
// in long.
func (r *reported) first(what string) bool {
	const enough = 1000 // to remember
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.what[what] {
		return false
	}
	if r.what == nil || len(r.what) >= enough {
		r.what = make(map[string]bool)
	}
	r.what[what] = true
	return true
}

// logStrange logs what in new/ is not a regular file: once, and again when
// there is something else.
func (im *Importer) logStrange(names []string) {
	if len(names) == 0 {
		return
	}
	if text := enumerate(names); im.reported.first("strange " + text) {
		im.log.Warnf("%s/new holds what is not a regular file, which is ignored: %s; put report files there, or name others to psql-sink import", im.spool.Dir(), text)
	}
}

// enumerate lists the first names for a log line, and counts the others.
func enumerate(names []string) string {
	const most = 10
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

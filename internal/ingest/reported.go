package ingest

import (
	"fmt"
	"strings"
	"sync"
)

// told knows what was told already, to tell it once.
type told struct {
	mu   sync.Mutex
	what map[string]bool
}

// first reports whether this is told for the first time, or for the first time
// in long.
func (t *told) first(what string) bool {
	const enough = 1000 // to remember
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.what[what] {
		return false
	}
	if t.what == nil || len(t.what) >= enough {
		t.what = make(map[string]bool)
	}
	t.what[what] = true
	return true
}

// sayStrange says what is left in new/ because it is no file: once, and again when
// there is something else.
func (im *Importer) sayStrange(names []string) {
	const shown = 5
	if len(names) == 0 {
		return
	}
	text := strings.Join(names[:min(shown, len(names))], ", ")
	if len(names) > shown {
		text += fmt.Sprintf(" and %d more", len(names)-shown)
	}
	if im.told.first("strange " + text) {
		im.log.Warnf("%s/new has what is no file, and stays there: %s; copy reports into it, or name others to psql-sink import", im.spool.Dir(), text)
	}
}

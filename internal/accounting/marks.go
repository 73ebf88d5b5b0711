package accounting

// A dump that the kernel filters by mark leaves out flows that were let in and have
// another mark now, though they have neither ended nor closed. So the caller asks Hides
// after such a dump.

// ShowsAll notes that the current dump shows flows of all marks.
func (t *Tracker) ShowsAll() { t.showsAll = true }

// Hides reports whether flows that were let in may be in the table though the current
// dump did not show them: no dump of all marks has missed them yet. Call it after the
// events of the dump have been handled.
func (t *Tracker) Hides() bool {
	if t.flows.Len() == t.shown {
		return false
	}
	for _, e := range t.flows.All() {
		if e.dump != t.dump && e.dump >= t.allShown {
			return true
		}
	}
	return false
}

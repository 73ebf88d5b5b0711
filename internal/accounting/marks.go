package accounting

// A dump that the kernel filters by mark leaves out flows that were let in and have
// another mark now. They are neither gone nor closed: whoever dumps has to ask.

// ShowsAll says that the dump that is running shows flows of all marks.
func (t *Tracker) ShowsAll() { t.showsAll = true }

// Hides reports whether flows that were let in may be in the table though the dump
// that is running did not show them: none that showed all marks has missed them yet.
// Ask when its events have been handled.
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

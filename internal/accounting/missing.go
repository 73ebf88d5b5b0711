package accounting

// An absence is what it means for a flow that a dump did not show it.
type absence uint8

const (
	recent     absence = iota // this complete dump or the one before showed it
	awaited                   // two complete dumps missed it: its DESTROY event may still come
	diedUnseen                // it ended before anyone listened: no event will come
	expired                   // no event came within MissingTTL
)

// absenceOf decides after a complete dump; drained as in EndDump.
func (t *Tracker) absenceOf(e *entry, drained bool) absence {
	switch {
	case e.dump >= t.complete:
		return recent
	case e.resumed() && drained:
		return diedUnseen
	case t.dumpTime-e.lastSeen > int64(t.cfg.MissingTTL):
		return expired
	}
	return awaited
}

// sweep handles the flows that the dump did not show. A flow whose DESTROY event could
// not be delivered yet is out of the table too. So after two complete dumps without it
// the connection is over, but its counters are kept: a late DESTROY event then accounts
// the rest and no more.
func (t *Tracker) sweep(drained bool) {
	for k, e := range t.flows.All() {
		state := t.absenceOf(e, drained)
		if state == recent {
			continue
		}
		if e.countable(k) {
			t.countBeforeEnd(k, e, e.lastSeen)
		}
		switch state {
		case diedUnseen:
			t.stats.DiedUnseen++
			t.removeFlow(k, e)
		case expired:
			t.stats.Swept++
			t.countIgnored(e, e.orig, e.reply)
			t.removeFlow(k, e)
		}
	}
}

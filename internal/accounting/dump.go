package accounting

import "time"

// longDump is more than a dump takes: what it shows began by then (ns).
const longDump = int64(time.Minute)

// BeginDump begins a full dump of the table.
func (t *Tracker) BeginDump(now time.Time) {
	t.dump++
	t.dumpTime, t.shown, t.showsAll = now.UnixNano(), 0, false
	t.dead.dumpStarts()
	t.series.resetOpen()
	t.stats.Offloaded, t.stats.Unanswered, t.stats.Remarked = 0, 0, 0
	t.stats.PickedUp, t.stats.PickedUpRefused = 0, 0
}

// Observe accounts a record of the dump. A flow whose mark was accepted once is
// accounted until it ends, even if its mark changes.
func (t *Tracker) Observe(f *Flow) {
	f = t.orient(f)
	var dst responder
	if !t.admit(f, &dst) {
		t.refused(f)
		return
	}
	k := keyOf(f)
	if t.ended(&k, f) {
		return // read before the flow died, or while it did
	}
	e := t.flows.GetHinted(&k)
	if e == nil {
		if !t.cfg.Filter.matchMark(f) {
			return
		}
		e = t.addFlow(&k, f, &dst)
	}
	if k.Start == 0 && f.HasCounters && e.ahead(f.OrigCounters, f.ReplyCounters) {
		t.back = append(t.back, wentBack{k, dst, finalOf(f)})
		return
	}
	if f.dying() {
		e.flags |= ending
	}
	e.mark = f.Mark & t.cfg.GroupBy.MarkMask
	t.account(&k, e, f, &dst, t.dumpTime)
	if connectionOriented(k.Proto) {
		t.observeConnection(&k, e, f, &dst)
	}
	if !t.show(e) {
		return
	}
	if f.offloaded() {
		t.stats.Offloaded++
	}
	if f.pickedUp() {
		t.stats.PickedUp++
	}
	if !e.has(answered) {
		t.stats.Unanswered++
	}
	if !t.cfg.Filter.matchMark(f) {
		t.stats.Remarked++
	}
}

// show notes that the dump shows the flow, and reports whether it does for the first
// time.
func (t *Tracker) show(e *entry) bool {
	if e.dump == t.dump {
		return false
	}
	e.dump, e.lastSeen = t.dump, t.dumpTime
	t.shown++
	return true
}

// addFlow makes the entry of a flow that is seen for the first time. What an
// older flow sent and how it closed before the baseline is not accounted.
func (t *Tracker) addFlow(k *key, f *Flow, dst *responder) *entry {
	if *dst != k.original() {
		t.dnatTargets[*k] = *dst
		t.dnatHeld.note(len(t.dnatTargets))
	}
	e := t.flows.Put(k)
	e.first = t.dumpTime
	if t.older(f, t.dumpTime+longDump) {
		e.orig, e.reply, e.counted = f.OrigCounters, f.ReplyCounters, f.over() && f.answered()
	}
	return e
}

// EndDump ends the dump. complete means that it showed the whole table, and that all
// events that were queued when it was read have been passed to OnDestroy and OnClose.
// drained means that the dying list was empty, so no DESTROY event will come again.
// EndDump counts the connections that the dump found closed, with the best time known.
// The baseline ends with a complete dump; for flows that have a start time, that dump must
// also be drained.
func (t *Tracker) EndDump(complete, drained bool) {
	if complete {
		t.takeBack()
	}
	t.back = nil
	t.countPending()
	if !complete {
		return
	}
	if drained {
		t.baseline = false
	}
	if t.showsAll {
		t.allShown = t.dump
	}
	if drained {
		t.dead.dumpEnds()
	}
	t.closes.expire(t.dumpTime - int64(max(t.cfg.MissingTTL, time.Minute)))
	t.stats.Missing = t.flows.Len() - t.shown
	if t.stats.Missing > 0 {
		t.sweep(drained)
	}
	t.flows.Compact()
	t.dnatTargets, t.closes = shrunk(t.dnatTargets, &t.dnatHeld), shrunk(t.closes, &t.closed)
	t.complete = t.dump
}

// ShowsAll notes that the current dump shows flows of all marks.
func (t *Tracker) ShowsAll() { t.showsAll = true }

// Hides reports whether flows that were let in may be in the table though the current
// dump did not show them: one that the kernel filters by mark leaves out those that have
// another mark now, though they have neither ended nor closed. No dump of all marks has
// missed them yet. Call it after the events of the dump have been handled.
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

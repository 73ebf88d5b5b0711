package accounting

import "time"

// A destroyCase is what a DESTROY event means to the Tracker.
type destroyCase uint8

// In the order in which they are decided:
const (
	endOfKnown    destroyCase = iota // its flow is remembered
	repeatedEvent                    // its flow has ended before
	otherMark                        // its flow was never let in
	olderFlow                        // its flow began before what is accounted
	endOfShort                       // its flow began and ended between two dumps
)

// OnDestroy accounts a DESTROY event: what the flow sent since its last reading
// and, for a connection, its end.
func (t *Tracker) OnDestroy(f *Flow, now time.Time) {
	f = t.orient(f)
	var dst responder
	if !t.admit(f, &dst) {
		return
	}
	k := keyOf(f)
	e := t.flows.Get(&k)
	switch t.classify(&k, e, f, now) {
	case endOfKnown:
		next := t.endFlow(&k, e, f, &dst, now)
		if next.seen() {
			e.succeed(next, t.dumpTime)
		} else {
			t.removeFlow(&k, e)
		}
	case repeatedEvent:
		t.stats.Repeated++
		t.accountLate(&k, f, &dst)
	case otherMark:
	case olderFlow:
		t.stats.OlderFlows++
		t.stats.OlderBytes += f.OrigCounters.Bytes + f.ReplyCounters.Bytes
		t.dead.put(&k, finalOf(f))
	case endOfShort:
		t.stats.ShortFlows++
		t.endFlow(&k, &entry{first: now.UnixNano()}, f, &dst, now)
	}
}

// classify decides what the event is. e is the flow's entry, nil without one.
func (t *Tracker) classify(k *key, e *entry, f *Flow, now time.Time) destroyCase {
	switch {
	case e != nil:
		return endOfKnown
	case t.repeated(k, finalOf(f)):
		return repeatedEvent
	case !t.cfg.Filter.matchMark(f):
		return otherMark
	case t.older(f, now.UnixNano()):
		return olderFlow
	}
	return endOfShort
}

// endFlow accounts the end of a flow and leaves a tombstone. It returns what the
// entry has that is the successor's.
func (t *Tracker) endFlow(k *key, e *entry, f *Flow, dst *responder, now time.Time) successor {
	if e.has(ending) && k.Start != 0 {
		f = t.notBehind(f, e)
	}
	e.mark = f.Mark & t.cfg.GroupBy.MarkMask
	next := t.accountEnd(k, e, f, dst, now.UnixNano())
	t.countIgnored(e, f.OrigCounters, f.ReplyCounters)
	if e.countable(k) {
		t.countClosed(t.seriesKey(k, e, dst), k, e, t.endOf(k, e, f, now))
	}
	next.counted = k.Start == 0 && e.counted && !f.answered()
	delete(t.closes, k.untimed())
	if t.cfg.PickedUpByPort {
		r := f.reverse()
		delete(t.closes, keyOf(&r).untimed()) // the ports may have decided the other way round then
	}
	t.dead.put(k, finalOf(f))
	return next
}

// notBehind returns the DESTROY event with the counters of the dying list where those
// are higher: the kernel sent the event before it dumped that list. The result is valid
// until the next call.
func (t *Tracker) notBehind(f *Flow, e *entry) *Flow {
	t.changed = *f
	t.changed.OrigCounters.add(beyond(e.orig, f.OrigCounters))
	t.changed.ReplyCounters.add(beyond(e.reply, f.ReplyCounters))
	return &t.changed
}

// accountLate accounts what a DESTROY event that comes again has more than before:
// between its event and its removal from the table, packets still find an entry.
func (t *Tracker) accountLate(k *key, f *Flow, dst *responder) {
	end := *t.dead.get(k)
	orig, reply := beyond(f.OrigCounters, end.orig), beyond(f.ReplyCounters, end.reply)
	e := &entry{mark: f.Mark & t.cfg.GroupBy.MarkMask}
	e.note(f)
	if t.leavesOut(e) {
		t.stats.ignore(orig, reply)
	} else {
		t.add(k, e, dst, orig, reply)
	}
	end.orig.add(orig)
	end.reply.add(reply)
	t.dead.put(k, end)
}

package accounting

// Without start times (nf_conntrack_timestamp=0) a flow and the next one with its
// tuple can have the same identity: the kernel makes CTA_ID of the tuple and of the
// place in memory, which the next one often takes over. Their order then distinguishes
// them. An identity is free again only when its flow is gone for good, so its flows
// follow each other, and their DESTROY events come in that order. A dump may be ahead of
// the events: it then shows the successor of the flow that is known.

// wentBack is a flow that the dump shows with lower counters than before, and these.
type wentBack struct {
	key
	dst responder
	now final
}

// repeated reports whether the DESTROY event of an unknown flow was handled before.
func (t *Tracker) repeated(k *key, end final) bool {
	tomb := t.dead.get(k)
	if tomb == nil || k.Start != 0 {
		return tomb != nil
	}
	return *tomb == end && (t.cfg.MayRepeat == nil || t.cfg.MayRepeat())
}

// ended reports whether a record of the dump shows a flow whose end was handled. A
// record without start time may show its successor instead. If the flow died during
// this dump, that cannot be decided, and a successor waits for the next dump or its own
// end, whichever comes first. If the flow died before this dump, the record shows the
// successor, unless it is on the dying list.
func (t *Tracker) ended(k *key, f *Flow) bool {
	tomb := t.dead.young.Get(k)
	if tomb == nil {
		tomb = t.dead.old.Get(k)
		if tomb == nil || k.Start == 0 && !f.dying() {
			return false
		}
	}
	if f.dying() { // between its event and its removal
		t.dead.put(k, *tomb)
	}
	return true
}

// A successor is what a dump showed of the flow that follows one that ended, under
// the same identity, while the Tracker took it for that one.
type successor struct {
	accounted final // of its counters
	counted   bool  // it closed, and its connection is counted
}

// seen reports whether a dump showed the successor.
func (s successor) seen() bool { return s != successor{} }

// accountEnd accounts what a flow sent from its last reading to its end. A dump that
// has not ended, or was not complete, may have shown its successor already. What the
// last reading has beyond the end is then accounted, too, but it is the successor's.
func (t *Tracker) accountEnd(k *key, e *entry, f *Flow, dst *responder, now int64) successor {
	e.flags &^= answered // that may be of its successor
	e.note(f)
	if k.Start != 0 || e.dump <= t.complete || !e.ahead(f.OrigCounters, f.ReplyCounters) || !f.HasCounters {
		t.account(k, e, f, dst, now)
		return successor{}
	}
	t.add(k, e, dst, beyond(f.OrigCounters, e.orig), beyond(f.ReplyCounters, e.reply))
	return successor{accounted: final{beyond(e.orig, f.OrigCounters), beyond(e.reply, f.ReplyCounters)}}
}

// succeed makes the entry of a flow that ended that of its successor.
func (e *entry) succeed(next successor, now int64) {
	e.orig, e.reply = next.accounted.orig, next.accounted.reply
	e.counted, e.flags, e.first, e.dst = next.counted, 0, now, unknownNetwork
}

// takeBack handles the flows whose counters went back, after all events of a complete
// dump. A flow that is still known then has not ended: it was zeroed.
func (t *Tracker) takeBack() {
	for i := range t.back {
		b := &t.back[i]
		e := t.flows.Get(&b.key)
		if e == nil || t.dead.young.Get(&b.key) != nil || !e.ahead(b.now.orig, b.now.reply) {
			continue // the record showed a successor, which a later dump adds
		}
		t.restart(&b.key, e, &b.dst, t.dumpTime)
		t.add(&b.key, e, &b.dst, b.now.orig, b.now.reply)
		e.orig, e.reply = b.now.orig, b.now.reply
		t.show(e)
	}
}

// beyond returns by how much a is above b, each counter on its own.
func beyond(a, b Counters) Counters {
	return Counters{Packets: a.Packets - min(a.Packets, b.Packets), Bytes: a.Bytes - min(a.Bytes, b.Bytes)}
}

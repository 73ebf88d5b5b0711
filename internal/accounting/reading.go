package accounting

import "time"

// account adds to its series what the flow sent since its last reading, and
// remembers the reading in e.
func (t *Tracker) account(k *key, e *entry, f *Flow, dst *responder, now int64) {
	if f.HasCounters && e.ahead(f.OrigCounters, f.ReplyCounters) {
		t.restart(k, e, dst, now)
	}
	e.note(f)
	if !f.HasCounters {
		t.stats.Uncounted++
		return
	}
	if t.leavesOut(e) {
		return
	}
	orig, reply := since(e.orig, f.OrigCounters), since(e.reply, f.ReplyCounters)
	e.orig, e.reply = f.OrigCounters, f.ReplyCounters
	t.add(k, e, dst, orig, reply)
}

// notBehind returns the DESTROY event with the counters of the dying list where those
// are higher: the event was sent before that was dumped. The result is valid until the
// next call.
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
		t.stats.IgnoredPackets += orig.Packets + reply.Packets
		t.stats.IgnoredBytes += orig.Bytes + reply.Bytes
	} else {
		t.add(k, e, dst, orig, reply)
	}
	end.orig.add(orig)
	end.reply.add(reply)
	t.dead.put(k, end)
}

// add adds to its series what the flow sent.
func (t *Tracker) add(k *key, e *entry, dst *responder, orig, reply Counters) {
	if orig == (Counters{}) && reply == (Counters{}) {
		return
	}
	s, folded := t.series.get(t.seriesKey(k, e, dst), e.has(answered))
	t.stats.Folded.add(folded)
	s.Orig.add(orig)
	s.Reply.add(reply)
}

// restart handles counters that went back: they were zeroed by hand
// (IPCTNL_MSG_CT_GET_CTRZERO), or, where the kernel gives neither start times nor
// events, a new flow took the identity of a dead one.
func (t *Tracker) restart(k *key, e *entry, dst *responder, now int64) {
	t.stats.Restarted++
	if k.Start != 0 {
		t.stats.Zeroed++
	}
	e.orig, e.reply = Counters{}, Counters{}
	if k.Start != 0 || t.cfg.MissingTTL > 0 {
		return
	}
	if e.countable(k) {
		t.countClosed(t.seriesKey(k, e, dst), k, e, now)
	}
	e.counted, e.flags, e.first, e.dst = false, 0, now, unknownNetwork // a new flow may be translated to another responder
}

// countClosed counts a connection that closed at the given time (ns).
func (t *Tracker) countClosed(sk SeriesKey, k *key, e *entry, at int64) {
	e.counted = true
	e.flags &^= pending
	start := k.Start
	if start == 0 {
		start = e.first
	}
	s, _ := t.series.get(sk, true)
	s.Connections++
	s.ConnectionTimes += uint64(max(0, at-start) / int64(time.Millisecond))
}

// endOf returns when a destroyed connection ended: at its close event, else at
// its last packet, else when the kernel destroyed it, else now.
func (t *Tracker) endOf(k *key, e *entry, f *Flow, now time.Time) int64 {
	if at, ok := t.closes.get(*k); ok {
		return at
	}
	if f.Stop != 0 {
		return t.lastPacket(e, f, f.Stop, leftAtEnd(f))
	}
	return now.UnixNano()
}

// seriesKey returns the series of the flow that goes to dst, if there is room.
func (t *Tracker) seriesKey(k *key, e *entry, dst *responder) SeriesKey {
	s := SeriesKey{Port: t.ports.Of(k.Proto, dst.port), Proto: k.Proto}
	t.cfg.Source.put(&s.Src, k.Src, t.networks, &e.src)
	t.cfg.Destination.put(&s.Dst, dst.addr, t.networks, &e.dst)
	if t.series.splits {
		t.cfg.GroupBy.split(&s, k, e)
	}
	if t.cfg.Unanswered == FoldUnanswered && !e.has(answered) {
		return s.fold(foldSources, t.series.splits)
	}
	return s
}

func (c *Counters) add(d Counters) {
	c.Packets += d.Packets
	c.Bytes += d.Bytes
}

func since(before, now Counters) Counters {
	return Counters{Packets: now.Packets - before.Packets, Bytes: now.Bytes - before.Bytes}
}

func goneBack(before, now Counters) bool {
	return now.Packets < before.Packets || now.Bytes < before.Bytes
}

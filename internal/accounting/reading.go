package accounting

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

package accounting

import "time"

// OnClose notes the UPDATE event of a connection that has closed. It only makes the
// connection's lifetime exact: losing it loses neither bytes nor connections.
func (t *Tracker) OnClose(f *Flow, now time.Time) {
	f = t.orient(f)
	var dst responder
	if !t.admit(f, &dst) || !f.over() || f.TCPState == TCPTimeWait {
		return // TIME_WAIT always follows a state whose event had the time
	}
	if !t.cfg.Filter.matchMark(f) {
		return // one that was let in with another mark is timed by its timeout
	}
	at := f.Event
	if at == 0 {
		at = now.UnixNano()
	}
	t.closes.add(keyOf(f), at)
	t.closed.note(len(t.closes))
}

func (t *Tracker) observeConnection(k *key, e *entry, f *Flow, dst *responder) {
	if !f.over() {
		if t.cfg.TrackOpen && e.dump != t.dump && e.has(answered) {
			s, _ := t.series.get(t.seriesKey(k, e, dst), true)
			s.Open++
		}
		return
	}
	if e.countable(k) && !e.has(pending) {
		if f.Stop != 0 {
			t.closes.add(*k, f.Stop)
		}
		e.flags |= pending
		t.pending = append(t.pending, pendingClose{*k, t.lastPacket(e, f, t.dumpTime, leftInDump(f))})
	}
}

func (t *Tracker) countPending() {
	for i := range t.pending {
		p := &t.pending[i]
		if e := t.flows.Get(&p.key); e != nil && e.has(pending) {
			t.countBeforeEnd(&p.key, e, p.at)
		}
	}
	t.pending = reuse(t.pending)
}

// countBeforeEnd counts a connection that closed and has sent no DESTROY event yet: at
// its close event, else at the time given (ns).
func (t *Tracker) countBeforeEnd(k *key, e *entry, at int64) {
	if closed, known := t.closes.get(*k); known {
		at = closed
	}
	delete(t.closes, k.untimed())
	dst := t.responderOf(k)
	t.countClosed(t.seriesKey(k, e, &dst), k, e, at)
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

// pendingClose is a closed flow whose close event may still be on its way.
type pendingClose struct {
	key
	at int64 // ns, when it closed according to the dump
}

// closeTimes holds when connections closed, from UPDATE events, until the
// connection is counted or its flow is destroyed.
type closeTimes map[key]int64

// add notes the time of the first closing state only: a connection has several.
func (c closeTimes) add(k key, at int64) {
	if _, known := c[k.untimed()]; !known {
		c[k.untimed()] = at
	}
}

// get returns when the flow closed. It ignores the time of a dead flow with the same
// identity.
func (c closeTimes) get(k key) (int64, bool) {
	at, ok := c[k.untimed()]
	return at, ok && at >= k.Start
}

// expire drops the times before the given one (ns): no flow has asked for them.
func (c closeTimes) expire(before int64) {
	for k, at := range c {
		if at < before {
			delete(c, k)
		}
	}
}

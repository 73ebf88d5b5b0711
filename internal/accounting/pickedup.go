package accounting

// Began says how a TCP connection began for conntrack, as far as a reading tells.
type Began uint8

// With nf_conntrack_tcp_loose=1, the default, conntrack takes up connections of which
// it does not know: those of before it was loaded or flushed, or whose packets took
// another way until now. It takes who sends the first packet for the opener.
const (
	BeganUnknown Began = iota // DESTROY events and the dying list do not tell
	BeganSeen                 // conntrack saw its handshake
	BeganUnseen               // it was picked up amid its life
)

// pickedUp reports whether conntrack picked the connection up. Flows that nftables
// offloads look like it.
func (f *Flow) pickedUp() bool { return f.Began == BeganUnseen && !f.offloaded() }

// reverse returns the reading as if the other end had opened the connection.
func (f *Flow) reverse() Flow {
	r := *f
	r.Orig, r.Reply = f.Reply, f.Orig
	r.OrigCounters, r.ReplyCounters = f.ReplyCounters, f.OrigCounters
	return r
}

// orient returns the reading the way round in which its flow is accounted. That is
// decided when a flow is met and holds to its end, whatever the ports are by then: a
// flow that was turned is known by its turned tuple. The result is valid until the
// next call.
func (t *Tracker) orient(f *Flow) *Flow {
	if !t.cfg.PickedUpByPort || f.Proto != protoTCP || f.Reply == (Tuple{}) {
		return f
	}
	if f.Began == BeganSeen && f.Start != 0 {
		return f // without a start time, it may be known by the tuple of one before it
	}
	t.changed = f.reverse()
	if t.turns(f, &t.changed) {
		return &t.changed
	}
	return f
}

func (t *Tracker) turns(f, turned *Flow) bool {
	k, r := keyOf(f), keyOf(turned)
	switch {
	case t.flows.Get(&r) != nil:
		return true
	case t.flows.Get(&k) != nil:
		return false
	case t.dead.get(&r) != nil:
		return true
	case t.dead.get(&k) != nil:
		return false
	}
	if _, closed := t.closes.get(r); closed && f.Began == BeganUnknown {
		return true // its close event said how it began
	}
	return f.pickedUp() && t.serves(f.Orig.SrcPort, f.Orig.DstPort)
}

// serves reports whether the first of two TCP ports is rather the server's: the one
// that is interesting, else the lower one.
func (t *Tracker) serves(port, other uint16) bool {
	a, b := t.ports.Of(protoTCP, port) != OtherPorts, t.ports.Of(protoTCP, other) != OtherPorts
	if a != b {
		return a
	}
	return port < other
}

// refused notes a reading of a dump that is not accounted but would be if the other
// end had opened the connection.
func (t *Tracker) refused(f *Flow) {
	if !f.pickedUp() || t.cfg.PickedUpByPort {
		return
	}
	t.changed = f.reverse()
	var dst responder
	if t.admit(&t.changed, &dst) {
		t.stats.PickedUpRefused++
	}
}

package accounting

// Began is how a TCP connection began for conntrack, according to a reading.
type Began uint8

// With nf_conntrack_tcp_loose=1, the default, conntrack picks up connections midway: they
// are older than its loading or flushing, or their packets took another route until now.
// It takes the sender of the first packet that it sees for the opener.
const (
	BeganUnknown Began = iota // DESTROY events and the dying list do not have it
	BeganSeen                 // conntrack saw its handshake
	BeganUnseen               // it was picked up midway
)

// pickedUp reports whether conntrack picked the connection up. Flows that nftables
// offloads look like it.
func (f *Flow) pickedUp() bool { return f.Began == BeganUnseen && !f.offloaded() }

// reverse returns the reading as if the other endpoint had opened the connection.
func (f *Flow) reverse() Flow {
	r := *f
	r.Orig, r.Reply = f.Reply, f.Orig
	r.OrigCounters, r.ReplyCounters = f.ReplyCounters, f.OrigCounters
	return r
}

// orient returns the reading in the orientation in which its flow is accounted. That is
// decided at the first reading and holds to the flow's end, even if the ports change: a
// flow that was turned is known by its turned tuple. The result is valid until the next
// call.
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
		return true // its close event had how it began
	}
	return f.pickedUp() && t.serves(f.Orig.SrcPort, f.Orig.DstPort)
}

// serves reports whether the first of two TCP ports is probably the server's: the
// interesting one, otherwise the lower one.
func (t *Tracker) serves(port, other uint16) bool {
	a, b := t.ports.Of(protoTCP, port) != OtherPorts, t.ports.Of(protoTCP, other) != OtherPorts
	if a != b {
		return a
	}
	return port < other
}

// refused counts a reading of a dump that is left out, but would be accounted if the
// other endpoint had opened the connection.
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

package accounting

// Unanswered is how flows are accounted that were never answered: no packet came back,
// or for connections, the handshake was never completed. The source address of such a
// flow may be spoofed.
type Unanswered uint8

// They are accounted:
const (
	AccountUnanswered Unanswered = iota // like all others
	FoldUnanswered                      // by destination and protocol alone
	IgnoreUnanswered                    // only once they are answered, then from their beginning
)

// note remembers whether a reading shows that the flow was answered.
func (e *entry) note(f *Flow) {
	if f.answered() {
		e.flags |= answered
	}
}

// countable reports whether the flow is a connection whose end is not counted yet. A SYN
// that was not answered or was refused, or whose answer was never acknowledged, is not a
// connection.
func (e *entry) countable(k *key) bool {
	return connectionOriented(k.Proto) && !e.counted && e.has(answered)
}

// leavesOut reports whether the flow is left out until it is answered.
func (t *Tracker) leavesOut(e *entry) bool {
	return t.cfg.Unanswered == IgnoreUnanswered && !e.has(answered)
}

// countIgnored counts a flow that ended with these counters and is left out.
func (t *Tracker) countIgnored(e *entry, orig, reply Counters) {
	if !t.leavesOut(e) {
		return
	}
	t.stats.IgnoredFlows++
	t.stats.ignore(since(e.orig, orig), since(e.reply, reply))
}

// ignore counts what is left out of a flow.
func (s *Stats) ignore(orig, reply Counters) {
	s.IgnoredPackets += orig.Packets + reply.Packets
	s.IgnoredBytes += orig.Bytes + reply.Bytes
}

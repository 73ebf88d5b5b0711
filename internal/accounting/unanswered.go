package accounting

// Unanswered says what becomes of flows that were never answered: of which no
// packet came back, or, of connections, whose handshake was never completed. What
// has only been sent may be from anybody, whatever its source address says.
type Unanswered uint8

// They are accounted:
const (
	AccountUnanswered Unanswered = iota // like all others
	FoldUnanswered                      // by destination and protocol alone
	IgnoreUnanswered                    // only once they are answered, then from their beginning
)

// note remembers that a reading shows that the flow was answered.
func (e *entry) note(f *Flow) {
	if f.answered() {
		e.flags |= answered
	}
}

// countable reports whether the flow is a connection, of which it is not yet
// counted that it closed. A SYN that nobody answered, that was refused, or whose
// answer was never acknowledged, is none.
func (e *entry) countable(k *key) bool {
	return connectionOriented(k.Proto) && !e.counted && e.has(answered)
}

// leavesOut reports whether what the flow sent waits for an answer.
func (t *Tracker) leavesOut(e *entry) bool {
	return t.cfg.Unanswered == IgnoreUnanswered && !e.has(answered)
}

// countIgnored counts a flow that ended with these counters and is left out.
func (t *Tracker) countIgnored(e *entry, orig, reply Counters) {
	if !t.leavesOut(e) {
		return
	}
	orig, reply = since(e.orig, orig), since(e.reply, reply)
	t.stats.IgnoredFlows++
	t.stats.IgnoredPackets += orig.Packets + reply.Packets
	t.stats.IgnoredBytes += orig.Bytes + reply.Bytes
}

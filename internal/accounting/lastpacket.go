package accounting

import "time"

// TCPTimeouts are how long the kernel keeps a connection that is over after its last
// packet, by its state. A timeout that is not known is missing.
type TCPTimeouts map[uint8]time.Duration

// SetTimeouts replaces the timeouts in force, by which connections are timed that send
// no close event.
func (t *Tracker) SetTimeouts(timeouts TCPTimeouts) { t.timeouts = timeouts }

// lastPacket returns when a connection had its last packet, which is about when it
// closed (ns): the kernel starts the timeout of its state anew with each, so what
// was left of it when the connection was read tells. A timeout of the flow's own
// (nft ct timeout) is not known to us; but the packet was not before the last dump
// that showed the connection open.
func (t *Tracker) lastPacket(e *entry, f *Flow, read int64, left time.Duration) int64 {
	idle := t.timeouts[f.TCPState] - left
	if idle <= 0 {
		return read // no state that is over, an unknown timeout, or just now
	}
	return min(read, max(e.lastSeen, read-int64(idle)))
}

// leftInDump is what is left of the timeout of an entry in the table: the kernel
// tells whole seconds, so this is right to half a second.
func leftInDump(f *Flow) time.Duration {
	return time.Duration(f.Timeout)*time.Second + time.Second/2
}

// leftAtEnd is the same of one that was destroyed: nothing, unless something other
// than its timeout ended it. Kernels that do not tell what was left (before Linux
// 5.10) do not tell the state either.
func leftAtEnd(f *Flow) time.Duration {
	if f.Timeout == 0 {
		return 0
	}
	return leftInDump(f)
}

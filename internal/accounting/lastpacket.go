package accounting

import "time"

// TCPTimeouts are how long the kernel keeps a connection that is over after its last
// packet, by its state. A timeout that is not known is missing.
type TCPTimeouts map[uint8]time.Duration

// SetTimeouts replaces the timeouts in force, by which connections are timed that send
// no close event.
func (t *Tracker) SetTimeouts(timeouts TCPTimeouts) { t.timeouts = timeouts }

// lastPacket returns when a connection had its last packet (ns), which is about when it
// closed. Each packet restarts the timeout of its state, so the rest of the timeout at a
// reading gives the time. If the flow has a timeout of its own (nft ct timeout), which we
// do not know, the packet still came after the last dump that showed the connection open.
func (t *Tracker) lastPacket(e *entry, f *Flow, read int64, left time.Duration) int64 {
	idle := t.timeouts[f.TCPState] - left
	if idle <= 0 {
		return read // still open, an unknown timeout, or a packet just now
	}
	return min(read, max(e.lastSeen, read-int64(idle)))
}

// leftInDump is the rest of the timeout of an entry in the table. The kernel gives whole
// seconds, so it is exact to half a second.
func leftInDump(f *Flow) time.Duration {
	return time.Duration(f.Timeout)*time.Second + time.Second/2
}

// leftAtEnd is the same for an entry that was destroyed: nothing, unless something other
// than its timeout ended it. Kernels before Linux 5.10 give neither the rest nor the
// state.
func leftAtEnd(f *Flow) time.Duration {
	if f.Timeout == 0 {
		return 0
	}
	return leftInDump(f)
}

package accounting

import "time"

// TCPTimeouts are how long the kernel keeps a connection that is over after its
// last packet, by state (net.netfilter.nf_conntrack_tcp_timeout_close_wait and so
// on); 0 where that is not known.
type TCPTimeouts struct {
	CloseWait, LastAck, TimeWait, Close time.Duration
}

// SetTimeouts tells the timeouts in force, for close times that no event tells.
func (t *Tracker) SetTimeouts(timeouts TCPTimeouts) { t.timeouts = timeouts }

func (t *TCPTimeouts) of(state uint8) time.Duration {
	switch state {
	case tcpCloseWait:
		return t.CloseWait
	case tcpLastAck:
		return t.LastAck
	case tcpTimeWait:
		return t.TimeWait
	case tcpClose:
		return t.Close
	}
	return 0
}

// lastPacket returns when a connection had its last packet, which is about when it
// closed (ns): the kernel starts the timeout of its state anew with each, so what
// was left of it when the connection was read tells. A timeout of the flow's own
// (nft ct timeout) is not known to us; but the packet was not before the last dump
// that showed the connection open.
func (t *Tracker) lastPacket(e *entry, f *Flow, read int64, left time.Duration) int64 {
	idle := t.timeouts.of(f.TCPState) - left
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

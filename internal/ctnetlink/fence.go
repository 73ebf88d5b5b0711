package ctnetlink

import "time"

// fencePoll is how often Fence looks.
const fencePoll = 200 * time.Microsecond

// Fence waits until every event that was queued on the socket when Fence was
// called has been handled. It returns false when that took longer than the
// timeout, or when the listener has ended.
//
// Events that the kernel has still to deliver after an overrun are not on the
// socket: [Dumper.DumpDying] shows them.
func (l *Listener) Fence(timeout time.Duration) bool {
	deadline := time.Now().Add(timeout)
	start := l.drained.Load()
	for {
		// Either the reader rests and the socket is empty, or the reader has found
		// it empty twice since the call. Once is not enough: it may have found it
		// empty just before the call, and counted that after it.
		if l.resting() || l.drained.Load() >= start+2 {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
		select {
		case <-l.done:
			return false
		case <-time.After(fencePoll):
		}
	}
}

// resting reports whether the socket was empty at a moment when the reader held
// no event.
func (l *Listener) resting() bool {
	before := l.busy.Load()
	if before%2 == 1 {
		return false
	}
	return l.socket.empty() && l.busy.Load() == before
}

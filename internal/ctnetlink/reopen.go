package ctnetlink

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// reopenPace is how long a socket must have worked for another to take its place.
const reopenPace = time.Second

// reopen replaces a socket that failed. The new one joins the group before the old one
// leaves it, so no event falls in between; an event that comes on both is a repeated
// one. Then the old one is read until its next error.
func (l *Listener) reopen(cause error) error {
	now := time.Now()
	if now.Sub(l.failed) < reopenPace {
		return cause
	}
	l.failed = now
	next, err := l.open()
	if err != nil {
		return errors.Join(cause, err)
	}
	for !l.closing.Load() && l.readBurst() == nil {
	}
	l.flush()
	l.reopened.Add(1)
	l.socket.become(next)
	return nil
}

// become closes the descriptor and takes over that of another event socket.
func (e *eventSocket) become(other *eventSocket) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.fd
	e.fd = other.fd
	// The old socket has failed already: an error of closing it adds nothing.
	_ = errors.Join(unix.Close(old), unix.Close(other.stop))
}

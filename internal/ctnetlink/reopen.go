package ctnetlink

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// reopenPace is how long a socket must have worked for another to take its place.
const reopenPace = time.Second

// reopen replaces a socket that failed. The new one joins its group before the
// old one is left, so nothing falls in between the two; what comes on both are
// repeated events. After that, the old one is read as far as it lets itself be.
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
	for !l.closing.Load() {
		count, err := l.queue.read()
		for i := range count {
			l.decode(l.queue.datagram(i))
		}
		if err != nil {
			break
		}
	}
	l.flush()
	l.reopened.Add(1)
	return l.queue.become(next)
}

// become closes the queue's socket and takes over that of another.
func (q *queue) become(other *queue) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := q.fd
	q.fd = other.fd
	// An error of closing what has failed says nothing new.
	_ = errors.Join(unix.Close(old), unix.Close(other.stop))
	return nil
}

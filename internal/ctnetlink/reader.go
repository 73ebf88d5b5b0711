package ctnetlink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// run receives until the socket is closed or fails.
func (l *Listener) run() {
	defer close(l.done)
	var failure error
	// The runtime's poller calls back at once, and then whenever the socket is
	// readable, until the callback returns true.
	waitErr := l.socket.raw.Read(func(fd uintptr) bool {
		var empty bool
		empty, failure = l.drain(fd)
		return !empty
	})
	if l.closing.Load() {
		return
	}
	l.err = fmt.Errorf("receiving conntrack events: %w", errors.Join(failure, waitErr))
}

// drain receives and hands over events until the socket is empty. It returns
// false when the listener closes or has failed.
func (l *Listener) drain(fd uintptr) (empty bool, err error) {
	l.busy.Add(1)
	defer l.busy.Add(1)
	for !l.closing.Load() {
		datagram, err := l.socket.read(fd)
		switch {
		case err == nil:
			l.decode(datagram)
		case errors.Is(err, unix.EAGAIN):
			l.flush()
			l.drained.Add(1)
			return true, nil
		case errors.Is(err, unix.ENOBUFS):
			// The kernel reports an overrun once, ahead of what is queued.
			l.overruns.Add(1)
		default:
			l.flush()
			return false, err
		}
	}
	return false, nil
}

// decode adds the events of a datagram to the batch.
func (l *Listener) decode(datagram []byte) {
	for len(datagram) > 0 {
		h, payload, rest, err := nextMessage(datagram)
		if err != nil {
			l.decodeErrors.Add(1)
			return
		}
		datagram = rest
		if kind, ok := h.conntrack(); !ok || kind != l.kind {
			continue
		}
		l.batch = append(l.batch, accounting.Flow{})
		if err := decode(payload, &l.batch[len(l.batch)-1]); err != nil {
			l.decodeErrors.Add(1)
			l.batch = l.batch[:len(l.batch)-1]
		}
		if len(l.batch) == batchSize {
			l.flush()
		}
	}
}

// flush hands the batch over.
func (l *Listener) flush() {
	if len(l.batch) == 0 {
		return
	}
	if !l.closing.Load() {
		l.events.Add(uint64(len(l.batch)))
		l.handle(l.batch)
	}
	l.batch = l.batch[:0]
}

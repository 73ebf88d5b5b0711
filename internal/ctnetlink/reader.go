package ctnetlink

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// pace is how long the reader sleeps after it has read. While events come faster than
// that, they do not wake it, which the senders of the packets would pay for. Where events
// have no timestamp (before Linux 6.14), the pace limits how exact the lifetimes of
// connections are, so it is shorter.
const (
	pace        = 10 * time.Millisecond
	paceUntimed = time.Millisecond
)

// run receives until the listener closes or fails.
func (l *Listener) run() {
	defer close(l.done)
	for !l.closing.Load() {
		some, err := l.drain()
		if err == nil && some {
			time.Sleep(l.pace())
			continue
		}
		if err == nil {
			err = l.socket.wait()
		}
		if err != nil {
			err = l.reopen(err)
		}
		if err != nil {
			l.err = fmt.Errorf("receiving conntrack events: %w", err)
			return
		}
	}
}

func (l *Listener) pace() time.Duration {
	if l.timed {
		return pace
	}
	return paceUntimed
}

// drain receives and hands over events until the socket is empty or the listener
// closes. It reports whether there were any.
func (l *Listener) drain() (some bool, err error) {
	l.busy.Add(1)
	defer l.busy.Add(1)
	for ; !l.closing.Load(); some = true {
		err := l.readBurst()
		switch {
		case err == nil:
		case errors.Is(err, unix.EAGAIN):
			l.flush()
			l.drained.Add(1)
			return some, nil
		case errors.Is(err, unix.ENOBUFS):
			// The kernel reports an overrun once, ahead of what is queued.
			l.overruns.Add(1)
		default:
			l.flush()
			return some, err
		}
	}
	return some, nil
}

// readBurst adds the events of a burst to the batch.
func (l *Listener) readBurst() error {
	count, err := l.socket.read()
	for i := range count {
		l.decode(l.socket.datagram(i))
	}
	return err
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
		event := &l.batch[len(l.batch)-1]
		if err := decode(payload, event); err != nil {
			l.decodeErrors.Add(1)
			l.batch = l.batch[:len(l.batch)-1]
		}
		l.timed = event.Event != 0
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

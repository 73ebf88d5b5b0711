package ctnetlink

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// An eventSocket is the receiving end of a socket for events: a descriptor of its own,
// which Go's runtime does not poll. The runtime's poller would wake up for each event,
// even while the reader is busy. The sender of the packet that causes the event pays for
// that wake-up: half as much again as for the connection.
//
// One goroutine reads and waits. The other methods can be called beside it.
type eventSocket struct {
	*burst
	fd   int
	stop int // an eventfd: readable once interrupt was called

	mu     sync.Mutex // keeps the descriptors open while other goroutines use them
	closed bool
}

// detach takes the descriptor of a socket, with its groups, filters and options, away
// from Go's poller. It closes the socket in any case.
func detach(s *socket) (*eventSocket, error) {
	e := &eventSocket{burst: newBurst(), fd: -1, stop: -1}
	var failure error
	err := s.raw.Control(func(fd uintptr) { e.fd, failure = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failure, s.Close()); err == nil {
		e.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	if err != nil {
		return nil, fmt.Errorf("taking over the socket: %w", errors.Join(err, e.close()))
	}
	return e, nil
}

// read reads a burst without waiting. Its datagrams are valid until the next one.
func (e *eventSocket) read() (count int, err error) { return e.burst.read(e.fd) }

// wait waits until there is something to read, or until interrupt is called.
func (e *eventSocket) wait() error {
	fds := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}, {Fd: int32(e.stop), Events: unix.POLLIN}}
	_, err := poll(fds, -1)
	return err
}

// poll is poll(2), again after each signal.
func poll(fds []unix.PollFd, timeout int) (ready int, err error) {
	for {
		if ready, err = unix.Poll(fds, timeout); !errors.Is(err, unix.EINTR) {
			return ready, err
		}
	}
}

// interrupt ends a wait, and all later ones.
func (e *eventSocket) interrupt() {
	_ = e.use(func() error {
		one := [8]byte{0: 1}
		_, err := unix.Write(e.stop, one[:]) // fails only when the counter of the eventfd is full
		return err
	})
}

// empty reports whether neither a datagram nor an error waits on the socket. A closed
// socket is not empty.
func (e *eventSocket) empty() bool {
	ready := 0
	err := e.use(func() (err error) {
		ready, err = poll([]unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}}, 0)
		return err
	})
	return err == nil && ready == 0
}

// granted returns the size of the receive buffer, as it was asked for.
func (e *eventSocket) granted() (size int, err error) {
	err = e.use(func() (err error) {
		size, err = unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("reading the size of the receive buffer: %w", err)
	}
	return size / 2, nil // the kernel doubles what it is asked for
}

// inode returns the inode of the socket.
func (e *eventSocket) inode() (uint64, error) {
	var stat unix.Stat_t
	err := e.use(func() error { return unix.Fstat(e.fd, &stat) })
	return stat.Ino, err
}

// use calls fn while the descriptors are open, and fails once they are closed.
func (e *eventSocket) use(fn func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return unix.EBADF
	}
	return fn()
}

// close closes the socket. The reader must have ended.
func (e *eventSocket) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	var errs []error
	for _, fd := range [...]int{e.fd, e.stop} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}

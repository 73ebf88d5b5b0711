package ctnetlink

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// A queue is the receiving end of an event socket: a descriptor of its own, which
// Go's runtime does not poll. The runtime's poller would be woken for each event,
// whether or not the reader waits for one, and the wake-up is paid by whoever
// sends the packet that causes the event: half as much again as the connection.
type queue struct {
	*burst
	fd   int
	stop int // an eventfd: readable once interrupt was called

	mu     sync.Mutex // for those who look from outside while close may be called
	closed bool
}

// queueOf takes the socket over, with its groups, filters and options. The socket
// is closed, whatever happens.
func queueOf(s *socket) (*queue, error) {
	q := &queue{burst: newBurst(), fd: -1, stop: -1}
	var failure error
	err := s.raw.Control(func(fd uintptr) { q.fd, failure = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failure, s.Close()); err == nil {
		q.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	if err != nil {
		return nil, fmt.Errorf("taking over the socket: %w", errors.Join(err, q.close()))
	}
	return q, nil
}

// read reads a burst, see there. Its datagrams are valid until the next one.
func (q *queue) read() (count int, err error) { return q.burst.read(q.fd) }

// wait waits until there is something to read, or until interrupt is called.
func (q *queue) wait() error {
	fds := []unix.PollFd{{Fd: int32(q.fd), Events: unix.POLLIN}, {Fd: int32(q.stop), Events: unix.POLLIN}}
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
func (q *queue) interrupt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	one := [8]byte{0: 1}
	_, _ = unix.Write(q.stop, one[:]) // which can only fail because it was called very often
}

// empty reports whether nothing waits on the socket, neither a datagram nor an
// error. A closed one is not empty.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	ready, err := poll([]unix.PollFd{{Fd: int32(q.fd), Events: unix.POLLIN}}, 0)
	return err == nil && ready == 0
}

// size returns the size of the receive buffer, as the kernel accounts it.
func (q *queue) size() (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, unix.EBADF
	}
	return unix.GetsockoptInt(q.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}

// inode returns the inode of the socket.
func (q *queue) inode() (uint64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var stat unix.Stat_t
	if q.closed {
		return 0, unix.EBADF
	}
	err := unix.Fstat(q.fd, &stat)
	return stat.Ino, err
}

// close closes the socket. Nobody may read any more.
func (q *queue) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	var errs []error
	for _, fd := range [...]int{q.fd, q.stop} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}

package ctnetlink

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/mdlayher/netlink"
	"github.com/ti-mo/netfilter"

	"telegraf-conntrack-accounting/internal/accounting"
)

// batchSize is how many events are handed over together when they come faster
// than they are handled.
const batchSize = 512

// A Listener receives conntrack events on a socket of its own and hands them over in the
// order in which the kernel sent them, from one goroutine. All methods but Close may be
// called at any time, from any goroutine.
type Listener struct {
	socket  *eventSocket
	open    func() (*eventSocket, error) // opens another one like it
	kind    uint8                        // the message type it listens for
	handle  func([]accounting.Flow)
	batch   []accounting.Flow // used again for each call of handle
	timed   bool              // whether events have the kernel's timestamp
	closing atomic.Bool
	done    chan struct{} // closed when the reader has ended
	err     error         // what ended it; read only after done

	// For Fence. busy is odd while the reader may hold events it has taken off
	// the socket; drained counts how often it found the socket empty and had
	// handled all before.
	busy, drained atomic.Uint64

	events, overruns, decodeErrors, reopened atomic.Uint64

	failed time.Time // when the socket was last reopened

	sockets *os.File // /proc/net/netlink of the namespace; nil except for DESTROY events
}

// ListenerStats are a listener's counters since it began.
type ListenerStats struct {
	Events       uint64 // handed over
	DecodeErrors uint64 // damaged, left out

	// Overruns counts how often the receive buffer was full (ENOBUFS). On a
	// DESTROY socket that means that events come late, on a close socket that
	// some are lost.
	Overruns uint64

	// Reopened counts how often the socket failed and was replaced: events that
	// could no longer be read from it are lost.
	Reopened uint64
}

// ListenDestroy listens for the end of flows. handle is called with batches of
// flows with their final counters; a batch is overwritten by the next.
//
// No event is lost once the listener exists: the kernel keeps an entry whose event does
// not fit into the receive buffer (NETLINK_BROADCAST_ERROR), and sends it again. The
// exception is an entry that was made while nf_conntrack_events was 2 and no listener
// existed: it ends without an event.
//
// An event can come again, with the same counters and timestamps: the kernel repeats it
// to all listeners until each listener of this kind, in any process, has received it.
// Until then [Dumper.DumpDying] shows the entry.
func ListenDestroy(ns *Namespace, receiveBuffer int, handle func(batch []accounting.Flow)) (*Listener, error) {
	l, err := listen(ns, receiveBuffer, msgDelete, handle, func(s *socket) error {
		if err := s.SetOption(netlink.BroadcastError, true); err != nil {
			return err
		}
		return s.JoinGroup(uint32(netfilter.GroupCTDestroy))
	})
	if err != nil {
		return nil, fmt.Errorf("listening for conntrack DESTROY events: %w", err)
	}
	if l.sockets, err = openSockets(ns); err != nil {
		return nil, errors.Join(fmt.Errorf("finding the other listeners for DESTROY events: %w", err), l.Close())
	}
	return l, nil
}

// ListenClose listens for TCP connections that begin to close: those in the
// states CLOSE_WAIT, LAST_ACK and CLOSE. The kernel drops all other updates
// before they cost a wake-up. It is best effort: events that do not fit into the
// receive buffer are lost.
func ListenClose(ns *Namespace, receiveBuffer int, handle func(batch []accounting.Flow)) (*Listener, error) {
	l, err := listen(ns, receiveBuffer, msgNew, handle, func(s *socket) error {
		program, err := closeFilter()
		if err != nil {
			return err
		}
		// Filter first: nothing else may enter the buffer.
		if err := s.SetBPF(program); err != nil {
			return err
		}
		return s.JoinGroup(uint32(netfilter.GroupCTUpdate))
	})
	if err != nil {
		return nil, fmt.Errorf("listening for conntrack UPDATE events: %w", err)
	}
	return l, nil
}

func listen(ns *Namespace, receiveBuffer int, kind uint8, handle func([]accounting.Flow), join func(*socket) error) (*Listener, error) {
	l := &Listener{
		open:   func() (*eventSocket, error) { return openEventSocket(ns, receiveBuffer, join) },
		kind:   kind,
		handle: handle,
		batch:  make([]accounting.Flow, 0, batchSize),
		done:   make(chan struct{}),
	}
	var err error
	if l.socket, err = l.open(); err != nil {
		return nil, err
	}
	go l.run() // until Close
	return l, nil
}

func openEventSocket(ns *Namespace, receiveBuffer int, join func(*socket) error) (*eventSocket, error) {
	s, err := dial(ns)
	if err != nil {
		return nil, err
	}
	if receiveBuffer > 0 {
		// With CAP_NET_ADMIN this is SO_RCVBUFFORCE, which net.core.rmem_max
		// does not limit.
		err = s.SetReadBuffer(receiveBuffer)
	}
	if err == nil {
		err = join(s)
	}
	if err != nil {
		return nil, errors.Join(explain(err), s.Close())
	}
	return detach(s)
}

// ReceiveBuffer returns the size of the receive buffer that the kernel granted,
// which is less than asked for if net.core.rmem_max caps it.
func (l *Listener) ReceiveBuffer() (int, error) {
	return l.socket.granted()
}

// TryReceiveBuffer returns what a listener would be granted, without listening.
func TryReceiveBuffer(ns *Namespace, receiveBuffer int) (int, error) {
	socket, err := openEventSocket(ns, receiveBuffer, func(*socket) error { return nil })
	if err != nil {
		return 0, fmt.Errorf("trying the receive buffer: %w", err)
	}
	size, err := socket.granted()
	return size, errors.Join(err, socket.close())
}

// Stats returns the listener's counters.
func (l *Listener) Stats() ListenerStats {
	return ListenerStats{
		Events:       l.events.Load(),
		DecodeErrors: l.decodeErrors.Load(),
		Overruns:     l.overruns.Load(),
		Reopened:     l.reopened.Load(),
	}
}

// Err returns the error that ended the listener before Close, or nil while it works. A
// listener replaces a socket that fails, and ends when the new one fails, too.
func (l *Listener) Err() error {
	select {
	case <-l.done:
		return l.err
	default:
		return nil
	}
}

// Close ends the listener. Events not yet handed over are dropped; after Close
// has returned handle is not called any more. handle must not call Close.
func (l *Listener) Close() error {
	l.closing.Store(true)
	l.socket.interrupt()
	<-l.done
	err := l.socket.close()
	if l.sockets != nil {
		if fileErr := l.sockets.Close(); !errors.Is(fileErr, os.ErrClosed) { // Close may be called again
			err = errors.Join(err, fileErr)
		}
	}
	return err
}

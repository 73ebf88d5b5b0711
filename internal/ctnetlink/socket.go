package ctnetlink

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// datagramSize is the receive buffer of one read. The kernel fills the
// datagrams of a dump up to the size of the reader's buffer, 32 KiB at most;
// an event is far smaller.
const datagramSize = 32 << 10

// A socket is a netlink socket read by plain read(2) into one buffer.
//
// The netlink package opens it, sets it up and sends. Its receive functions are
// not used: they copy each datagram, stop at the end of each, and hide
// NLMSG_DONE with its flags.
type socket struct {
	*netlink.Conn
	raw    syscall.RawConn
	buffer []byte

	// Used by wait; here so that a datagram allocates nothing.
	poll     func(fd uintptr) (done bool)
	datagram []byte
	err      error
}

func dial(ns *Namespace) (*socket, error) {
	s := &socket{buffer: make([]byte, datagramSize)}
	err := ns.Do(func() (err error) {
		s.Conn, err = netlink.Dial(unix.NETLINK_NETFILTER, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening a netfilter netlink socket: %w", explain(err))
	}
	if s.raw, err = s.SyscallConn(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.poll = func(fd uintptr) bool {
		s.datagram, s.err = readDatagram(int(fd), s.buffer)
		return !errors.Is(s.err, unix.EAGAIN)
	}
	return s, nil
}

// readDatagram reads one datagram from a socket's descriptor, without waiting,
// into a buffer, and returns what of it was filled.
func readDatagram(fd int, buffer []byte) ([]byte, error) {
	for {
		n, err := unix.Read(fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return buffer[:max(n, 0)], err
	}
}

// wait returns the next datagram, waiting for it. The result is valid until the
// next read.
func (s *socket) wait() ([]byte, error) {
	if err := s.raw.Read(s.poll); err != nil {
		return nil, err
	}
	return s.datagram, s.err
}

// explain adds the remedy to errors of the kernel that have one.
func explain(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w (CAP_NET_ADMIN is needed, in the user namespace that owns the network namespace)", err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w (the kernel has no ctnetlink: load the module nf_conntrack_netlink)", err)
	}
	return err
}

// HasNetAdmin reports whether CAP_NET_ADMIN is in the effective set of the
// process. It is needed for every dump, not only at start.
func HasNetAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 32 capabilities each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}

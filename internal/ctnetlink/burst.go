package ctnetlink

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	burstLength = 64
	burstRoom   = 8 << 10 // for a datagram; one event has a few hundred bytes
)

// burst is room for several datagrams, read with one system call: the call is most of the
// cost of reading an event.
type burst struct {
	headers []mmsghdr
	room    []byte
}

// mmsghdr is struct mmsghdr of sys/socket.h; its length is padded by the compiler
// as C's is.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newBurst() *burst {
	b := &burst{headers: make([]mmsghdr, burstLength), room: make([]byte, burstLength*burstRoom)}
	for i := range b.headers {
		vector := &unix.Iovec{Base: &b.room[i*burstRoom]}
		vector.SetLen(burstRoom)
		b.headers[i].header.Iov = vector
		b.headers[i].header.SetIovlen(1)
	}
	return b
}

// read reads the datagrams that are queued on a socket, without waiting (recvmmsg(2)),
// and returns their number: less than burstLength when there are no more. The error is
// EAGAIN when there are none.
func (b *burst) read(fd int) (count int, err error) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[0])), burstLength, unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			return int(n), nil
		case !errors.Is(errno, unix.EINTR):
			return 0, errno
		}
	}
}

// datagram returns one of those that were read last, cut off if it is longer than
// its room.
func (b *burst) datagram(i int) []byte {
	return b.room[i*burstRoom:][:b.headers[i].length]
}

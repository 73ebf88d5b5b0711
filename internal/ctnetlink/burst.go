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

// burst is room for several datagrams, which it reads with one system call: that
// call is most of what it costs to read an event.
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

// read reads what waits at a socket, without waiting for it (recvmmsg(2)). It
// returns how many datagrams it has read: less than burstLength when there are no
// more. EAGAIN says that there is none.
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

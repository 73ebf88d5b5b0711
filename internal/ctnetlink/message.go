package ctnetlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// header is what we need of struct nlmsghdr.
type header struct {
	kind, flags uint16
	sequence    uint32
}

// conntrack returns the ctnetlink message type, or false when the message
// belongs to another subsystem or to netlink itself.
func (h header) conntrack() (uint8, bool) {
	return uint8(h.kind), h.kind>>8 == unix.NFNL_SUBSYS_CTNETLINK
}

// nextMessage splits the first netlink message off b, a datagram from the
// kernel, which may hold many.
func nextMessage(b []byte) (h header, payload, rest []byte, err error) {
	if len(b) < nlmsgHeaderLen {
		return header{}, nil, nil, errTruncated
	}
	n := int64(binary.NativeEndian.Uint32(b))
	if n < nlmsgHeaderLen || n > int64(len(b)) {
		return header{}, nil, nil, errTruncated
	}
	h = header{
		kind:     binary.NativeEndian.Uint16(b[4:]),
		flags:    binary.NativeEndian.Uint16(b[6:]),
		sequence: binary.NativeEndian.Uint32(b[8:]),
	}
	return h, b[nlmsgHeaderLen:n], b[min(align(int(n)), len(b)):], nil
}

// kernelError returns the error that an NLMSG_ERROR or NLMSG_DONE carries: a
// negated errno, 0 for none.
func kernelError(payload []byte) error {
	if len(payload) < 4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(payload)); code < 0 {
		return unix.Errno(-code)
	}
	return nil
}

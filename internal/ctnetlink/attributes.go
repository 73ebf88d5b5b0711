package ctnetlink

import (
	"encoding/binary"
	"errors"
)

// Message types of the ctnetlink subsystem (enum cntl_msg_types).
const (
	msgNew      = 0 // IPCTNL_MSG_CT_NEW: an entry in a dump, and NEW and UPDATE events
	msgGet      = 1 // IPCTNL_MSG_CT_GET
	msgDelete   = 2 // IPCTNL_MSG_CT_DELETE: a DESTROY event
	msgGetDying = 6 // IPCTNL_MSG_CT_GET_DYING
)

// Attributes of an entry (enum ctattr_type).
const (
	ctaTupleOrig      = 1
	ctaTupleReply     = 2
	ctaStatus         = 3
	ctaProtoinfo      = 4
	ctaTimeout        = 7
	ctaMark           = 8
	ctaCountersOrig   = 9
	ctaCountersReply  = 10
	ctaID             = 12
	ctaZone           = 18
	ctaTimestamp      = 20
	ctaMarkMask       = 21
	ctaTimestampEvent = 27 // Linux 6.14
)

// Attributes nested in CTA_TUPLE_*, in its CTA_TUPLE_IP and CTA_TUPLE_PROTO.
const (
	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaTupleZone  = 3

	ctaIPv4Src = 1
	ctaIPv4Dst = 2
	ctaIPv6Src = 3
	ctaIPv6Dst = 4

	ctaProtoNum        = 1
	ctaProtoSrcPort    = 2
	ctaProtoDstPort    = 3
	ctaProtoICMPID     = 4
	ctaProtoICMPType   = 5
	ctaProtoICMPCode   = 6
	ctaProtoICMPv6ID   = 7
	ctaProtoICMPv6Type = 8
	ctaProtoICMPv6Code = 9
)

// Attributes nested in CTA_PROTOINFO, CTA_COUNTERS_* and CTA_TIMESTAMP.
const (
	ctaProtoinfoTCP      = 1
	ctaProtoinfoTCPState = 1
	ctaProtoinfoTCPOrig  = 4 // CTA_PROTOINFO_TCP_FLAGS_ORIGINAL: struct nf_ct_tcp_flags
	ctaProtoinfoTCPReply = 5 // CTA_PROTOINFO_TCP_FLAGS_REPLY

	ctaCountersPackets = 1
	ctaCountersBytes   = 2

	ctaTimestampStart = ctaCountersPackets // decodePair reads both
	ctaTimestampStop  = ctaCountersBytes
)

// Flags of struct nf_ct_tcp_flags.
const (
	tcpWindowScale = 0x01 // IP_CT_TCP_FLAG_WINDOW_SCALE: its SYN offered the option
	tcpBeLiberal   = 0x08 // IP_CT_TCP_FLAG_BE_LIBERAL: its window is not known
)

const (
	nlmsgHeaderLen = 16 // struct nlmsghdr
	nfgenmsgLen    = 4  // struct nfgenmsg, ahead of the attributes
	nlattrLen      = 4  // struct nlattr
	nlattrTypeMask = 0x3fff
)

var (
	errTruncated = errors.New("truncated netlink message")
	errLength    = errors.New("netlink attribute of an unexpected length")
	errNoTuple   = errors.New("conntrack entry without an original tuple")
)

// nextAttribute splits the first attribute off b. After an error, kind is 0, which no
// attribute has.
func nextAttribute(b []byte) (kind uint16, value, rest []byte, err error) {
	if len(b) < nlattrLen {
		return 0, nil, nil, errTruncated
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < nlattrLen || n > len(b) {
		return 0, nil, nil, errTruncated
	}
	kind = binary.NativeEndian.Uint16(b[2:]) & nlattrTypeMask
	return kind, b[nlattrLen:n], b[min(align(n), len(b)):], nil
}

// align rounds up to the four bytes netlink aligns messages and attributes to.
func align(n int) int { return (n + 3) &^ 3 }

// Values of the netfilter subsystems are in network byte order.

func getUint8(value []byte, to *uint8) error {
	if len(value) != 1 {
		return errLength
	}
	*to = value[0]
	return nil
}

func getUint16(value []byte, to *uint16) error {
	if len(value) != 2 {
		return errLength
	}
	*to = binary.BigEndian.Uint16(value)
	return nil
}

func getUint32(value []byte, to *uint32) error {
	if len(value) != 4 {
		return errLength
	}
	*to = binary.BigEndian.Uint32(value)
	return nil
}

func getUint64(value []byte, to *uint64) error {
	if len(value) != 8 {
		return errLength
	}
	*to = binary.BigEndian.Uint64(value)
	return nil
}

package accounting

import (
	"encoding/binary"
	"net/netip"
)

// Addr is an IP address of 16 bytes; an IPv4 address is held IPv4-mapped
// (::ffff:a.b.c.d), so that a table of addresses needs no pointers.
type Addr [16]byte

// AddrFrom returns a as an Addr.
func AddrFrom(a netip.Addr) Addr { return a.As16() }

// IP returns the address in its own family.
func (a Addr) IP() netip.Addr { return netip.AddrFrom16(a).Unmap() }

// Is4 reports whether the address is an IPv4 address.
func (a Addr) Is4() bool {
	return binary.NativeEndian.Uint64(a[:8]) == 0 && binary.BigEndian.Uint32(a[8:12]) == 0xffff
}

// Tuple holds addresses and ports of one direction of a flow (CTA_TUPLE_ORIG
// or CTA_TUPLE_REPLY). For ICMP and ICMPv6, SrcPort is the identifier and
// DstPort is type<<8 | code, since these distinguish flows as ports do.
type Tuple struct {
	Src, Dst         Addr
	SrcPort, DstPort uint16
}

// Counters are the kernel's cumulative counters of one direction
// (CTA_COUNTERS_ORIG or CTA_COUNTERS_REPLY): packets and layer-3 bytes.
type Counters struct {
	Packets, Bytes uint64
}

// Flow is one reading of a conntrack entry, from a dump or from an event. It
// holds no pointers; readers reuse it, so keep a copy and never its address.
type Flow struct {
	ID          uint32 // CTA_ID: a 32-bit hash, not unique
	Mark        uint32 // CTA_MARK, 0 when absent
	Status      uint32 // CTA_STATUS, IPS_* bits
	Timeout     uint32 // CTA_TIMEOUT, whole seconds left until the entry expires
	Zone        uint16 // CTA_ZONE, or CTA_TUPLE_ZONE of the original tuple
	Proto       uint8  // CTA_PROTO_NUM of the original tuple
	TCPState    uint8  // CTA_PROTOINFO_TCP_STATE; 0 for other protocols
	Began       Began  // how a TCP connection began for conntrack
	HasCounters bool   // false when nf_conntrack_acct was off when the entry began
	Orig, Reply Tuple

	OrigCounters, ReplyCounters Counters

	Start int64 // CTA_TIMESTAMP_START, ns since the epoch; 0 when unknown
	Stop  int64 // CTA_TIMESTAMP_STOP, ns since the epoch; 0 when unknown
	Event int64 // CTA_TIMESTAMP_EVENT (Linux 6.14), ns since the epoch; 0 when unknown
}

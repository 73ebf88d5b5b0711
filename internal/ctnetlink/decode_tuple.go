package ctnetlink

import (
	"telegraf-conntrack-accounting/internal/accounting"
)

// tupleParts are the parts of a tuple that a message has.
type tupleParts uint8

const (
	hasSrc tupleParts = 1 << iota
	hasDst
	hasProto

	wholeTuple = hasSrc | hasDst | hasProto
)

// decodeTuple reads CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. A tuple without both
// addresses and a protocol is an error: it could be mistaken for another flow's.
func decodeTuple(b []byte, t *accounting.Tuple, proto *uint8, zone *uint16) (err error) {
	var parts tupleParts
	var kind uint16
	var value []byte
	for len(b) > 0 && err == nil {
		kind, value, b, err = nextAttribute(b)
		switch kind {
		case ctaTupleIP:
			err = decodeAddresses(value, t, &parts)
		case ctaTupleProto:
			err = decodeProto(value, t, proto, &parts)
		case ctaTupleZone:
			err = getUint16(value, zone)
		}
	}
	if err == nil && parts != wholeTuple {
		return errNoTuple
	}
	return err
}

func decodeAddresses(b []byte, t *accounting.Tuple, parts *tupleParts) (err error) {
	var kind uint16
	var value []byte
	for len(b) > 0 && err == nil {
		kind, value, b, err = nextAttribute(b)
		switch kind {
		case ctaIPv4Src:
			err = getIPv4(value, &t.Src)
			*parts |= hasSrc
		case ctaIPv4Dst:
			err = getIPv4(value, &t.Dst)
			*parts |= hasDst
		case ctaIPv6Src:
			err = getIPv6(value, &t.Src)
			*parts |= hasSrc
		case ctaIPv6Dst:
			err = getIPv6(value, &t.Dst)
			*parts |= hasDst
		}
	}
	return err
}

// decodeProto reads the protocol and what it has for ports. The kernel sends
// port attributes for TCP, UDP, UDPLITE, SCTP, DCCP and GRE (its call keys),
// id, type and code for ICMP and ICMPv6, and only the number for the others.
func decodeProto(b []byte, t *accounting.Tuple, proto *uint8, parts *tupleParts) (err error) {
	var icmpType, icmpCode uint8
	var kind uint16
	var value []byte
	for len(b) > 0 && err == nil {
		kind, value, b, err = nextAttribute(b)
		switch kind {
		case ctaProtoNum:
			err = getUint8(value, proto)
			*parts |= hasProto
		case ctaProtoSrcPort, ctaProtoICMPID, ctaProtoICMPv6ID:
			err = getUint16(value, &t.SrcPort)
		case ctaProtoDstPort:
			err = getUint16(value, &t.DstPort)
		case ctaProtoICMPType, ctaProtoICMPv6Type:
			err = getUint8(value, &icmpType)
		case ctaProtoICMPCode, ctaProtoICMPv6Code:
			err = getUint8(value, &icmpCode)
		}
	}
	t.DstPort |= uint16(icmpType)<<8 | uint16(icmpCode)
	return err
}

func getIPv4(value []byte, to *accounting.Addr) error {
	if len(value) != 4 {
		return errLength
	}
	*to = accounting.Addr{10: 0xff, 11: 0xff}
	copy(to[12:], value)
	return nil
}

func getIPv6(value []byte, to *accounting.Addr) error {
	if len(value) != len(to) {
		return errLength
	}
	copy(to[:], value)
	return nil
}

package ctnetlink

import (
	"telegraf-conntrack-accounting/internal/accounting"
)

// decode reads one conntrack entry, the payload of a netlink message, into f.
// It allocates nothing and keeps no reference to msg. After an error f is
// incomplete.
func decode(msg []byte, f *accounting.Flow) error {
	*f = accounting.Flow{}
	if len(msg) < nfgenmsgLen {
		return errTruncated
	}
	complete := false
	for b := msg[nfgenmsgLen:]; len(b) > 0; {
		kind, value, rest, err := nextAttribute(b)
		if err != nil {
			return err
		}
		if kind == ctaTupleOrig {
			complete = true
		}
		if err := decodeAttribute(kind, value, f); err != nil {
			return err
		}
		b = rest
	}
	if !complete {
		return errNoTuple
	}
	return nil
}

func decodeAttribute(kind uint16, value []byte, f *accounting.Flow) error {
	switch kind {
	case ctaTupleOrig:
		return decodeTuple(value, &f.Orig, &f.Proto, &f.Zone)
	case ctaTupleReply:
		var proto uint8
		var zone uint16 // a reply-only zone does not distinguish flows
		return decodeTuple(value, &f.Reply, &proto, &zone)
	case ctaStatus:
		return getUint32(value, &f.Status)
	case ctaTimeout:
		return getUint32(value, &f.Timeout)
	case ctaProtoinfo:
		return decodeProtoinfo(value, f)
	case ctaMark:
		return getUint32(value, &f.Mark)
	case ctaCountersOrig:
		f.HasCounters = true
		return decodePair(value, &f.OrigCounters.Packets, &f.OrigCounters.Bytes)
	case ctaCountersReply:
		f.HasCounters = true
		return decodePair(value, &f.ReplyCounters.Packets, &f.ReplyCounters.Bytes)
	case ctaID:
		return getUint32(value, &f.ID)
	case ctaZone:
		return getUint16(value, &f.Zone)
	case ctaTimestamp:
		return decodeTimestamp(value, f)
	case ctaTimestampEvent:
		var ns uint64
		err := getUint64(value, &ns)
		f.Event = int64(ns)
		return err
	}
	return nil
}

// decodeProtoinfo reads the TCP state; the other protocols' states are not
// needed.
func decodeProtoinfo(b []byte, f *accounting.Flow) (err error) {
	var kind uint16
	var value []byte
	for len(b) > 0 && err == nil {
		kind, value, b, err = nextAttribute(b)
		if kind == ctaProtoinfoTCP {
			err = decodeTCP(value, f)
		}
	}
	return err
}

func decodeTCP(b []byte, f *accounting.Flow) (err error) {
	var orig, reply uint16 // struct nf_ct_tcp_flags: flags, mask
	var found int
	var kind uint16
	var value []byte
	for len(b) > 0 && err == nil {
		kind, value, b, err = nextAttribute(b)
		switch kind {
		case ctaProtoinfoTCPState:
			err = getUint8(value, &f.TCPState)
		case ctaProtoinfoTCPOrig:
			found, err = found+1, getUint16(value, &orig)
		case ctaProtoinfoTCPReply:
			found, err = found+1, getUint16(value, &reply)
		}
	}
	if found == 2 {
		f.Began = began(uint8(orig>>8), uint8(reply>>8))
	}
	return err
}

// began derives from the flags of both directions how a connection began. If conntrack
// has not seen its SYN, it knows the window of neither endpoint (tcp_new). The same is
// true of an offloaded connection, but that has usually offered to scale its window.
func began(orig, reply uint8) accounting.Began {
	if orig&reply&tcpBeLiberal != 0 && (orig|reply)&tcpWindowScale == 0 {
		return accounting.BeganUnseen
	}
	return accounting.BeganSeen
}

func decodeTimestamp(b []byte, f *accounting.Flow) error {
	start, stop := uint64(f.Start), uint64(f.Stop)
	err := decodePair(b, &start, &stop)
	f.Start, f.Stop = int64(start), int64(stop)
	return err
}

// decodePair reads the two numbers of CTA_COUNTERS_* or CTA_TIMESTAMP. Either can be
// missing.
func decodePair(b []byte, first, second *uint64) (err error) {
	var kind uint16
	var value []byte
	for len(b) > 0 && err == nil {
		kind, value, b, err = nextAttribute(b)
		switch kind {
		case ctaCountersPackets:
			err = getUint64(value, first)
		case ctaCountersBytes:
			err = getUint64(value, second)
		}
	}
	return err
}

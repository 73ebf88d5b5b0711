package accounting

import "encoding/binary"

// The optional parts of a record.
const (
	stateIPv4     = 1 << iota // the addresses have 4 bytes, not 16
	stateZone                 // the zone is not 0
	stateStart                // the start is known
	stateDNAT                 // the responder is not the original destination
	stateCounted              // the connection is counted as closed
	stateFirst                // when it was first seen: the start is not known
	stateMark                 // the mark that it counts under is not 0
	stateAnswered             // see Flow.answered
)

// appendFlow appends a flow, with its responder if that is translated.
func appendFlow(b []byte, k *key, e *entry, dst responder, translated bool) []byte {
	var flags byte
	if translated {
		flags |= stateDNAT
	}
	if e.counted {
		flags |= stateCounted
	}
	if e.has(answered) {
		flags |= stateAnswered
	}
	if k.Start == 0 {
		flags |= stateFirst
	}
	if e.mark != 0 {
		flags |= stateMark
	}
	b = appendKey(b, k, flags)
	if translated {
		b = binary.LittleEndian.AppendUint16(append(b, dst.addr[:]...), dst.port)
	}
	if k.Start == 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.first))
	}
	if e.mark != 0 {
		b = binary.LittleEndian.AppendUint32(b, e.mark)
	}
	return appendCounters(b, &e.orig, &e.reply)
}

func appendSeries(b []byte, r *Series) []byte {
	b, _ = binary.Append(b, binary.LittleEndian, &r.Key)
	b = appendCounters(b, &r.Orig, &r.Reply)
	b = binary.AppendUvarint(b, r.Connections)
	return binary.AppendUvarint(b, r.ConnectionTimes)
}

func appendKey(b []byte, k *key, flags byte) []byte {
	four := k.Src.Is4() && k.Dst.Is4()
	if four {
		flags |= stateIPv4
	}
	if k.Zone != 0 {
		flags |= stateZone
	}
	if k.Start != 0 {
		flags |= stateStart
	}
	b = append(b, flags, k.Proto)
	b = binary.LittleEndian.AppendUint32(b, k.ID)
	b = binary.LittleEndian.AppendUint16(b, k.SrcPort)
	b = binary.LittleEndian.AppendUint16(b, k.DstPort)
	if four {
		b = append(append(b, k.Src[12:]...), k.Dst[12:]...)
	} else {
		b = append(append(b, k.Src[:]...), k.Dst[:]...)
	}
	if k.Zone != 0 {
		b = binary.LittleEndian.AppendUint16(b, k.Zone)
	}
	if k.Start != 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(k.Start))
	}
	return b
}

func appendCounters(b []byte, orig, reply *Counters) []byte {
	b = binary.AppendUvarint(b, orig.Packets)
	b = binary.AppendUvarint(b, orig.Bytes)
	b = binary.AppendUvarint(b, reply.Packets)
	return binary.AppendUvarint(b, reply.Bytes)
}

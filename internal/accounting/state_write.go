package accounting

import (
	"bufio"
	"encoding/binary"
)

// What a record holds beside what each one has.
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

// stateWriter writes records. Its writer remembers the first error.
type stateWriter struct{ w *bufio.Writer }

func (s *stateWriter) put(b []byte) { _, _ = s.w.Write(b) }

func (s *stateWriter) time(ns int64) {
	s.put(binary.LittleEndian.AppendUint64(s.w.AvailableBuffer(), uint64(ns)))
}

func (s *stateWriter) count(n int) {
	s.put(binary.AppendUvarint(s.w.AvailableBuffer(), uint64(n)))
}

func (s *stateWriter) flow(k *key, e *entry, dst responder, translated bool) {
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
	b := appendKey(s.room(), k, flags)
	if translated {
		b = binary.LittleEndian.AppendUint16(append(b, dst.addr[:]...), dst.port)
	}
	if k.Start == 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.first))
	}
	if e.mark != 0 {
		b = binary.LittleEndian.AppendUint32(b, e.mark)
	}
	s.put(appendCounters(b, &e.orig, &e.reply))
}

func (s *stateWriter) tombstone(k *key, f *final) {
	s.put(appendCounters(appendKey(s.room(), k, 0), &f.orig, &f.reply))
}

func (s *stateWriter) close(k *key, at int64) {
	s.put(binary.LittleEndian.AppendUint64(appendKey(s.room(), k, 0), uint64(at)))
}

func (s *stateWriter) series(r *Series) {
	b, _ := binary.Append(s.room(), binary.LittleEndian, &r.Key)
	b = appendCounters(b, &r.Orig, &r.Reply)
	b = binary.AppendUvarint(b, r.Connections)
	s.put(binary.AppendUvarint(b, r.ConnectionTimes))
}

// room returns an empty slice of the buffer that a whole record fits into.
func (s *stateWriter) room() []byte {
	if s.w.Available() < maxRecord {
		_ = s.w.Flush()
	}
	return s.w.AvailableBuffer()
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

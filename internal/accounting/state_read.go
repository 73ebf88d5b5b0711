package accounting

import (
	"encoding/binary"

	"telegraf-conntrack-accounting/internal/slabmap"
)

// minRecord is what a record of any kind takes at least: a key and four counters.
const minRecord = 18 + 4

// stateReader reads a state that may be damaged. Once it has run out of bytes, or met a
// number that cannot be, it is damaged, and all that it returns is 0.
type stateReader struct {
	b       []byte // what is not read yet
	damaged bool

	olderThan int64 // ns

	flows       slabmap.Map[key, entry]
	dnatTargets map[key]responder
	dead        slabmap.Map[key, final]
	closes      closeTimes
	rows        []Series
}

// read reads a state that was saved at the given time, up to its end.
func (s *stateReader) read(saved int64) error {
	s.olderThan = int64(s.uint64())
	for _, record := range []func(){func() { s.flow(saved) }, s.tombstone, s.close, s.series} {
		for n := s.count(); n > 0 && !s.damaged; n-- {
			record()
		}
	}
	if s.damaged || len(s.b) > 0 {
		return errState
	}
	return nil
}

// count reads how many records follow, not more than the state has room for.
func (s *stateReader) count() uint64 {
	n := s.uvarint()
	if n > uint64(len(s.b)/minRecord) {
		s.damaged = true
	}
	return n
}

func (s *stateReader) flow(saved int64) {
	flags, k := s.key()
	e := entry{first: k.Start, lastSeen: saved, counted: flags&stateCounted != 0}
	if flags&stateAnswered != 0 {
		e.flags = answered
	}
	if flags&stateDNAT != 0 {
		s.dnatTargets[k] = responder{addr: Addr(s.take(len(Addr{}))), port: binary.LittleEndian.Uint16(s.take(2))}
	}
	if flags&stateFirst != 0 {
		e.first = int64(s.uint64())
	}
	if flags&stateFirst == 0 == (flags&stateStart == 0) {
		s.damaged = true // the time of a flow is when it began, or else when it was first seen
	}
	if flags&stateMark != 0 {
		e.mark = binary.LittleEndian.Uint32(s.take(4))
	}
	e.orig, e.reply = s.counters(), s.counters()
	*s.flows.Put(&k) = e
}

func (s *stateReader) tombstone() {
	_, k := s.key()
	*s.dead.Put(&k) = final{orig: s.counters(), reply: s.counters()}
}

func (s *stateReader) close() {
	_, k := s.key()
	s.closes[k] = int64(s.uint64())
}

func (s *stateReader) series() {
	var r Series
	_, _ = binary.Decode(s.take(binary.Size(r.Key)), binary.LittleEndian, &r.Key) // it has all the bytes
	r.Orig, r.Reply = s.counters(), s.counters()
	r.Connections, r.ConnectionTimes = s.uvarint(), s.uvarint()
	s.rows = append(s.rows, r)
}

func (s *stateReader) take(n int) []byte {
	if len(s.b) < n {
		s.damaged, s.b = true, nil
		return make([]byte, n)
	}
	b := s.b[:n]
	s.b = s.b[n:]
	return b
}

func (s *stateReader) uint64() uint64 { return binary.LittleEndian.Uint64(s.take(8)) }

func (s *stateReader) uvarint() uint64 {
	v, n := binary.Uvarint(s.b)
	if n <= 0 {
		s.damaged, s.b = true, nil
		return 0
	}
	s.b = s.b[n:]
	return v
}

func (s *stateReader) counters() Counters {
	return Counters{Packets: s.uvarint(), Bytes: s.uvarint()}
}

func (s *stateReader) key() (flags byte, k key) {
	head := s.take(10)
	flags = head[0]
	k.Proto = head[1]
	k.ID = binary.LittleEndian.Uint32(head[2:])
	k.SrcPort = binary.LittleEndian.Uint16(head[6:])
	k.DstPort = binary.LittleEndian.Uint16(head[8:])
	k.Src, k.Dst = s.addr(flags), s.addr(flags)
	if flags&stateZone != 0 {
		k.Zone = binary.LittleEndian.Uint16(s.take(2))
	}
	if flags&stateStart != 0 {
		k.Start = int64(s.uint64())
		s.damaged = s.damaged || k.Start == 0
	}
	return flags, k
}

func (s *stateReader) addr(flags byte) (a Addr) {
	if flags&stateIPv4 == 0 {
		return Addr(s.take(len(a)))
	}
	a = Addr{10: 0xff, 11: 0xff}
	copy(a[12:], s.take(4))
	return a
}

package accounting

import (
	"bufio"
	"encoding/binary"
	"io"

	"telegraf-conntrack-accounting/internal/slabmap"
)

const (
	// minRecord and maxRecord bound what a record of any kind takes: a key has
	// 18 to 52 bytes, a counter 1 to 10.
	minRecord = 22
	maxRecord = 128
)

// stateReader reads a state that may be damaged. It checks each number.
type stateReader struct {
	r    *bufio.Reader
	size int64 // of the whole state

	olderThan int64 // ns

	flows       slabmap.Map[key, entry]
	dnatTargets map[key]responder
	dead        slabmap.Map[key, final]
	closes      closeTimes
	rows        []Series
}

func newStateReader(r io.Reader, size int64) *stateReader {
	return &stateReader{
		r: bufio.NewReaderSize(r, stateBuffer), size: size,
		dnatTargets: make(map[key]responder), closes: make(closeTimes),
	}
}

// read reads a state that was saved at the given time, up to its end.
func (s *stateReader) read(saved int64) error {
	if err := binary.Read(s.r, binary.LittleEndian, &s.olderThan); err != nil {
		return errState
	}
	flows, err := s.count()
	if err != nil {
		return err
	}
	if err := s.records(flows, func(b []byte) ([]byte, bool) { return s.flow(b, saved) }); err != nil {
		return err
	}
	for _, read := range []func([]byte) ([]byte, bool){s.tombstone, s.close, s.series} {
		n, err := s.count()
		if err != nil {
			return err
		}
		if err := s.records(n, read); err != nil {
			return err
		}
	}
	if _, err := s.r.ReadByte(); err != io.EOF {
		return errState
	}
	return nil
}

// count reads how many records follow, not more than the state has room for.
func (s *stateReader) count() (int, error) {
	n, err := binary.ReadUvarint(s.r)
	if err != nil || n > uint64(s.size)/minRecord {
		return 0, errState
	}
	return int(n), nil
}

// records has n records read, each by a function that returns what follows it.
func (s *stateReader) records(n int, read func([]byte) ([]byte, bool)) error {
	for range n {
		b, err := s.r.Peek(maxRecord) // less, with an error, near the end
		if err != nil && err != io.EOF {
			return err
		}
		rest, ok := read(b)
		if !ok {
			return errState
		}
		_, _ = s.r.Discard(len(b) - len(rest))
	}
	return nil
}

func (s *stateReader) flow(b []byte, saved int64) ([]byte, bool) {
	p := parser{b: b, ok: true}
	flags, k := p.key()
	e := entry{first: k.Start, lastSeen: saved, counted: flags&stateCounted != 0}
	if flags&stateAnswered != 0 {
		e.flags = answered
	}
	if flags&stateDNAT != 0 {
		s.dnatTargets[k] = responder{addr: Addr(p.take(len(Addr{}))), port: binary.LittleEndian.Uint16(p.take(2))}
	}
	if flags&stateFirst != 0 {
		e.first = int64(p.uint64())
	}
	if flags&stateFirst == 0 == (flags&stateStart == 0) {
		p.ok = false // the time of a flow is when it began, or else when it was first seen
	}
	if flags&stateMark != 0 {
		e.mark = binary.LittleEndian.Uint32(p.take(4))
	}
	e.orig, e.reply = p.counters(), p.counters()
	*s.flows.Put(&k) = e
	return p.b, p.ok
}

func (s *stateReader) tombstone(b []byte) ([]byte, bool) {
	p := parser{b: b, ok: true}
	_, k := p.key()
	*s.dead.Put(&k) = final{orig: p.counters(), reply: p.counters()}
	return p.b, p.ok
}

func (s *stateReader) close(b []byte) ([]byte, bool) {
	p := parser{b: b, ok: true}
	_, k := p.key()
	s.closes[k] = int64(p.uint64())
	return p.b, p.ok
}

func (s *stateReader) series(b []byte) ([]byte, bool) {
	p := parser{b: b, ok: true}
	var r Series
	_, err := binary.Decode(p.take(binary.Size(r.Key)), binary.LittleEndian, &r.Key)
	r.Orig, r.Reply = p.counters(), p.counters()
	r.Connections, r.ConnectionTimes = p.uvarint(), p.uvarint()
	s.rows = append(s.rows, r)
	return p.b, p.ok && err == nil
}

// parser takes values off a record. Once it has run out of bytes it is not ok
// and all that it returns is 0.
type parser struct {
	b  []byte
	ok bool
}

func (p *parser) take(n int) []byte {
	if len(p.b) < n {
		p.ok, p.b = false, nil
		return make([]byte, n)
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}

func (p *parser) uint64() uint64 { return binary.LittleEndian.Uint64(p.take(8)) }

func (p *parser) uvarint() uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 {
		p.ok, p.b = false, nil
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *parser) counters() Counters {
	return Counters{Packets: p.uvarint(), Bytes: p.uvarint()}
}

func (p *parser) key() (flags byte, k key) {
	head := p.take(10)
	flags = head[0]
	k.Proto = head[1]
	k.ID = binary.LittleEndian.Uint32(head[2:])
	k.SrcPort = binary.LittleEndian.Uint16(head[6:])
	k.DstPort = binary.LittleEndian.Uint16(head[8:])
	k.Src, k.Dst = p.addr(flags), p.addr(flags)
	if flags&stateZone != 0 {
		k.Zone = binary.LittleEndian.Uint16(p.take(2))
	}
	if flags&stateStart != 0 {
		k.Start = int64(p.uint64())
		p.ok = p.ok && k.Start != 0
	}
	return flags, k
}

func (p *parser) addr(flags byte) (a Addr) {
	if flags&stateIPv4 == 0 {
		return Addr(p.take(len(a)))
	}
	a = Addr{10: 0xff, 11: 0xff}
	copy(a[12:], p.take(4))
	return a
}

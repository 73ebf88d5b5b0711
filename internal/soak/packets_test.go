//go:build soak

package soak

import (
	"encoding/binary"
	"hash/crc32"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// Packets that no socket of the kernel makes for us: SCTP, which it may not
// have, and segments of half a TCP handshake.

// The chunks of an SCTP association (RFC 9260).
const (
	sctpData             = 0
	sctpInit             = 1
	sctpInitAck          = 2
	sctpSack             = 3
	sctpShutdown         = 7
	sctpShutdownAck      = 8
	sctpCookieEcho       = 10
	sctpCookieAck        = 11
	sctpShutdownComplete = 14
)

const (
	sctpClientTag, sctpServerTag = 0x1111, 0x2222
	sctpServerPort               = 5000
)

// sctpPacket returns a packet with one chunk. The tag is the one that its
// receiver chose; INIT and INIT ACK tell the sender's own.
func sctpPacket(from, to uint16, tag uint32, chunk uint8, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint32(b, tag)
	flags := uint8(0)
	if chunk == sctpData {
		flags = 3 // first and last fragment of its message
	}
	b = append(b, 0, 0, 0, 0, chunk, flags, 0, 0)
	binary.BigEndian.PutUint16(b[14:], uint16(4+len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// sctpInitValue is the value of INIT and INIT ACK: tag, window, streams, TSN.
func sctpInitValue(tag uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, tag)
	return append(b, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1)
}

// sctpAnswer returns what a server answers to a packet, nil for nothing.
func sctpAnswer(packet []byte) []byte {
	if len(packet) < 16 || binary.BigEndian.Uint16(packet[2:]) != sctpServerPort {
		return nil
	}
	client := binary.BigEndian.Uint16(packet)
	switch packet[12] {
	case sctpInit:
		return sctpPacket(sctpServerPort, client, sctpClientTag, sctpInitAck, sctpInitValue(sctpServerTag))
	case sctpCookieEcho:
		return sctpPacket(sctpServerPort, client, sctpClientTag, sctpCookieAck, nil)
	case sctpData:
		return sctpPacket(sctpServerPort, client, sctpClientTag, sctpSack, make([]byte, 12))
	case sctpShutdown:
		return sctpPacket(sctpServerPort, client, sctpClientTag, sctpShutdownAck, nil)
	}
	return nil
}

// sctpTalk are the packets of an association from its beginning to its end.
// All but the last are answered.
func sctpTalk(port uint16, size int) [][]byte {
	packet := func(tag uint32, chunk uint8, value []byte) []byte {
		return sctpPacket(port, sctpServerPort, tag, chunk, value)
	}
	return [][]byte{
		packet(0, sctpInit, sctpInitValue(sctpClientTag)),
		packet(sctpServerTag, sctpCookieEcho, []byte("biscuit!")),
		packet(sctpServerTag, sctpData, make([]byte, 12+size)),
		packet(sctpServerTag, sctpShutdown, make([]byte, 4)),
		packet(sctpServerTag, sctpShutdownComplete, nil),
	}
}

const (
	protoTCP = 6
	tcpSYN   = 0x02
)

// synSegment returns a TCP segment that opens a connection.
func synSegment(from, to netip.AddrPort) []byte {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 1, 2, 3, 4, 0, 0, 0, 0, 5<<4, tcpSYN, 0xff, 0xff, 0, 0, 0, 0)
	pseudo := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(b)))
	pseudo = binary.BigEndian.AppendUint32(pseudo, protoTCP)
	binary.BigEndian.PutUint16(b[16:], checksum(pseudo, b))
	return b
}

// echoRequest returns an ICMP or ICMPv6 echo request. The kernel computes the
// checksum of the latter.
func echoRequest(family int, id, sequence uint16, size int) []byte {
	b := append([]byte{[]byte{8, 128}[family], 0, 0, 0}, byte(id>>8), byte(id), byte(sequence>>8), byte(sequence))
	b = append(b, make([]byte, size)...)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// checksum is the Internet checksum of parts of an even length, but for the
// last.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for len(b) > 1 {
			sum += uint32(binary.BigEndian.Uint16(b))
			b = b[2:]
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// raw opens a socket for packets of a protocol from and to an address.
func raw(proto string, at netip.Addr) (*net.IPConn, error) {
	network := "ip4:"
	if at.Is6() {
		network = "ip6:"
	}
	return net.ListenIP(network+proto, &net.IPAddr{IP: at.AsSlice()})
}

// answer sends back what fn makes of each packet of the protocol that comes to
// an address of the side, until the test ends.
func (s *side) answer(t testing.TB, proto string, at netip.Addr, fn func([]byte) []byte) {
	t.Helper()
	var conn *net.IPConn
	if err := s.ns.Do(func() (err error) {
		conn, err = raw(proto, at)
		return err
	}); err != nil {
		t.Fatalf("answering protocol %s at %s: %v", proto, at, err)
	}
	var answering sync.WaitGroup
	answering.Go(func() {
		buffer := make([]byte, 65_536)
		for { // until the socket is closed
			n, from, err := conn.ReadFromIP(buffer)
			if err != nil {
				return
			}
			if reply := fn(buffer[:n]); reply != nil {
				_, _ = conn.WriteToIP(reply, from)
			}
		}
	})
	t.Cleanup(func() {
		conn.Close()
		answering.Wait()
	})
}

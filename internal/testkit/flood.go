package testkit

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// SYNs sends, from inside the namespace, a TCP segment that opens a connection
// from each of count addresses from first on, which need not be ours, to one
// IPv4 address and port.
func (n *Netns) SYNs(first netip.Addr, count int, to netip.AddrPort) error {
	return n.Do(func() error {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		if err != nil {
			return fmt.Errorf("opening a raw socket: %w", err)
		}
		defer func() { _ = unix.Close(socket) }()
		at := &unix.SockaddrInet4{Addr: to.Addr().As4()}
		for range count {
			if err := unix.Sendto(socket, syn(first, to), 0, at); err != nil {
				return fmt.Errorf("sending a SYN from %s: %w", first, err)
			}
			first = first.Next()
		}
		return nil
	})
}

// syn returns an IPv4 packet of 40 bytes with a SYN. The kernel adds the
// checksum of the IP header.
func syn(from netip.Addr, to netip.AddrPort) []byte {
	const size = 40
	b := []byte{0x45, 0, 0, size, 0, 0, 0, 0, 64, unix.IPPROTO_TCP, 0, 0}
	b = append(append(b, from.AsSlice()...), to.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, 1024+uint16(b[15]))
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 1, 2, 3, 4, 0, 0, 0, 0, 5<<4, 0x02, 0xff, 0xff, 0, 0, 0, 0)
	sum := uint32(unix.IPPROTO_TCP + size - 20)
	for i := 12; i < size; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[36:], ^uint16(sum))
	return b
}

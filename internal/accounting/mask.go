package accounting

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Mask is a netmask over an [Addr]. IPv4 masks cover the last four bytes and
// leave the IPv4-mapped prefix as it is.
type Mask [16]byte

// ParseMask4 reads an IPv4 mask: a prefix length ("24", "/24") or dotted
// ("255.239.255.0"), which need not be contiguous.
func ParseMask4(s string) (Mask, error) {
	s = strings.TrimSpace(s)
	m := Mask{}
	for i := range 12 {
		m[i] = 0xff
	}
	if strings.Contains(s, ".") {
		dotted, err := netip.ParseAddr(s)
		if err != nil || !dotted.Is4() {
			return Mask{}, fmt.Errorf("%q is not an IPv4 mask: want four numbers from 0 to 255 (255.255.255.0) or a prefix length from 0 to 32", s)
		}
		four := dotted.As4()
		copy(m[12:], four[:])
		return m, nil
	}
	length, err := strconv.Atoi(strings.TrimPrefix(s, "/"))
	if err != nil || length < 0 || length > 32 {
		return Mask{}, fmt.Errorf("%q is not an IPv4 mask: want four numbers from 0 to 255 (255.255.255.0) or a prefix length from 0 to 32", s)
	}
	m.setBits(96 + length)
	return m, nil
}

// Mask6 returns the IPv6 mask of a prefix length from 0 to 128.
func Mask6(length int) (Mask, error) {
	if length < 0 || length > 128 {
		return Mask{}, fmt.Errorf("%d is not an IPv6 prefix length: want 0 to 128", length)
	}
	m := Mask{}
	m.setBits(length)
	return m, nil
}

func (m *Mask) setBits(n int) {
	for i := range n {
		m[i/8] |= 0x80 >> (i % 8)
	}
}

// apply returns the group that the address belongs to.
func (m *Mask) apply(a Addr) Addr {
	native := binary.NativeEndian // eight bytes at a time: each flow comes by
	native.PutUint64(a[:8], native.Uint64(a[:8])&native.Uint64(m[:8]))
	native.PutUint64(a[8:], native.Uint64(a[8:])&native.Uint64(m[8:]))
	return a
}

// finest returns how many leading bits hold all of the mask's.
func (m *Mask) finest() int {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] != 0 {
			return 8*(i+1) - bits.TrailingZeros8(m[i])
		}
	}
	return 0
}

// Masks are the masks of one end of a flow, by address family.
type Masks struct {
	IPv4, IPv6 Mask
}

// String returns both masks, in one way of writing each.
func (m *Masks) String() string {
	four := netip.AddrFrom4([4]byte(m.IPv4[12:]))
	return fmt.Sprintf("%s and /%d", four, m.IPv6.finest())
}

func (m *Masks) group(a Addr) Addr {
	if a.Is4() {
		return m.IPv4.apply(a)
	}
	return m.IPv6.apply(a)
}

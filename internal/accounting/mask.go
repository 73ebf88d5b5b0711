package accounting

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// Mask is a netmask over an [Addr]. IPv4 masks cover the last four bytes and
// leave the IPv4-mapped prefix as it is.
type Mask [16]byte

// PrefixMask returns the mask of so many leading bits, 0 to 128; a prefix of an IPv4
// address has 96 more than its own length.
func PrefixMask(length int) Mask {
	m := Mask{}
	for i := range length {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
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

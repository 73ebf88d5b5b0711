package notation

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
)

// Prefix reads a network in CIDR notation, or an address, which stands
// for the network of that address alone.
func Prefix(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	prefix, err := netip.ParsePrefix(s)
	if addr, single := netip.ParseAddr(s); single == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil || strings.Contains(s, "%") || prefix.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%.60q is neither an address nor a network (10.32.0.0/16, 2001:db8::/32)%s", s, meant(s))
	}
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, fmt.Errorf("%q has bits set beyond its prefix length: did you mean %q?", s, masked)
	}
	return prefix, nil
}

// meant suggests a prefix length for a network that is written with a netmask.
func meant(s string) string {
	text, mask, _ := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	dotted, err2 := netip.ParseAddr(strings.TrimSpace(mask))
	if err != nil || err2 != nil || !addr.Is4() || !dotted.Is4() {
		return ""
	}
	four := dotted.As4()
	inverse := ^binary.BigEndian.Uint32(four[:])
	if inverse&(inverse+1) != 0 {
		return ": its mask is not a prefix length"
	}
	return fmt.Sprintf(": did you mean %q?", netip.PrefixFrom(addr, 32-bits.Len32(inverse)).Masked())
}

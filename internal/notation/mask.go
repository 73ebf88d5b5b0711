package notation

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"telegraf-conntrack-accounting/internal/accounting"
)

// mapped is how many bits of an [accounting.Addr] come before an IPv4 address.
const mapped = 96

// IPv4Mask reads an IPv4 mask: a prefix length ("24", "/24") or dotted
// ("255.239.255.0"), which need not be contiguous.
func IPv4Mask(s string) (accounting.Mask, error) {
	s = strings.TrimSpace(s)
	if dotted, err := netip.ParseAddr(s); err == nil && dotted.Is4() {
		m, four := accounting.PrefixMask(mapped), dotted.As4()
		copy(m[mapped/8:], four[:])
		return m, nil
	}
	length, err := strconv.Atoi(strings.TrimPrefix(s, "/"))
	if err != nil || length < 0 || length > 32 {
		return accounting.Mask{}, fmt.Errorf("%q is not an IPv4 mask: want four numbers from 0 to 255 (255.255.255.0) or a prefix length from 0 to 32", s)
	}
	return accounting.PrefixMask(mapped + length), nil
}

// IPv6Mask returns the IPv6 mask of a prefix length from 0 to 128.
func IPv6Mask(length int) (accounting.Mask, error) {
	if length < 0 || length > 128 {
		return accounting.Mask{}, fmt.Errorf("%d is not an IPv6 prefix length: want 0 to 128", length)
	}
	return accounting.PrefixMask(length), nil
}

package notation

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
)

func TestMasks(t *testing.T) {
	for s, want := range map[string]string{
		"24": "255.255.255.0", "/24": "255.255.255.0", " 24 ": "255.255.255.0", "32": "255.255.255.255", "0": "0.0.0.0",
		"255.255.255.0": "255.255.255.0", "255.239.255.0": "255.239.255.0",
	} {
		m, err := IPv4Mask(s)
		require.NoError(t, err, s)
		require.Equal(t, want, netip.AddrFrom4([4]byte(m[12:])).String(), s)
		require.Equal(t, accounting.PrefixMask(96), accounting.Mask(append(m[:12:12], 0, 0, 0, 0)), s)
	}
	for _, bits := range []int{0, 48, 64, 128} {
		m, err := IPv6Mask(bits)
		require.NoError(t, err)
		require.Equal(t, accounting.PrefixMask(bits), m)
	}
}

func TestWrongMasks(t *testing.T) {
	for _, s := range []string{"", "255.0.0", "255.0.0.256", "33", "-1", "ffff::", "255.255.255.0/24"} {
		_, err := IPv4Mask(s)
		require.ErrorContains(t, err, "is not an IPv4 mask", s)
	}
	for _, bits := range []int{-1, 129} {
		_, err := IPv6Mask(bits)
		require.ErrorContains(t, err, "prefix length")
	}
}

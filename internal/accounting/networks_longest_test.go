package accounting

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// The longest prefix wins, as a look at all of them finds it.
func TestLongestPrefixWins(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(from, bits int) netip.Prefix {
		a := v4(10, byte(rng.IntN(2)), byte(rng.Uint32()), byte(rng.Uint32())).IP()
		if rng.IntN(2) == 0 {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 8: byte(rng.IntN(2)), 14: byte(rng.Uint32()), 15: byte(rng.Uint32())})
		}
		length := from + rng.IntN(bits)
		if a.Is6() {
			length *= 4
		}
		return netip.PrefixFrom(a, length).Masked()
	}
	n := &Networks{}
	prefixes := map[netip.Prefix]bool{}
	for range 2000 {
		if p := random(8, 25); !prefixes[p] {
			prefixes[p] = true
			require.NoError(t, n.Add(Network{Prefix: p, Name: p.String()}))
		}
	}
	for range 500 {
		a := random(32, 1).Addr()
		best := ""
		for p := range prefixes {
			if p.Contains(a) && (best == "" || p.Bits() > netip.MustParsePrefix(best).Bits()) {
				best = p.String()
			}
		}
		id := n.find(AddrFrom(a))
		require.Equal(t, best == "", id == outside)
		if best != "" {
			require.Equal(t, best, n.list[id.index()].Name)
			require.Equal(t, best, n.groups[id.index()].String())
		}
	}
}

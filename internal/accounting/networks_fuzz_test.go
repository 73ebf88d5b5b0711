package accounting

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"
)

// Whatever a list of networks holds, it is refused or all of it can be written
// as tags: a metric with a tag that cannot be written would be lost.
func FuzzReadNetworks(f *testing.F) {
	f.Add("# networks\n10.0.0.0/8,Corp,site=a\n\"2001:db8::/32\",\"Paris, HQ\"\n")
	f.Add("10.1.2.3 , x = y ,a=b=c,,\r\n::/0,\"a\"\"b\",_1=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ReadNetworks(strings.NewReader(text))
		if err != nil {
			return
		}
		require.Len(t, n.groups, n.Len())
		for i := range n.list {
			network := &n.list[i]
			require.Equal(t, network.Prefix.Masked(), network.Prefix)
			require.Same(t, network, n.covering(network.Prefix))
			require.Equal(t, n.groups[i].String(), network.Prefix.String())
			for _, tag := range append([]Tag{{"name", network.Name}}, network.Keys...) {
				require.NotEmpty(t, tag.Value)
				requireWritable(t, "src_"+tag.Key, tag.Value)
			}
		}
	})
}

// requireWritable requires that a tag comes back from line protocol as it was.
func requireWritable(t *testing.T, key, value string) {
	t.Helper()
	var line lineprotocol.Encoder
	line.StartLine("m")
	line.AddTag(key, value)
	line.AddField("f", lineprotocol.IntValue(1))
	line.EndLine(time.Unix(1, 0))
	require.NoError(t, line.Err())
	back := lineprotocol.NewDecoderWithBytes(line.Bytes())
	require.True(t, back.Next())
	_, err := back.Measurement()
	require.NoError(t, err)
	k, v, err := back.NextTag()
	require.NoError(t, err)
	require.Equal(t, key, string(k))
	require.Equal(t, value, string(v))
}

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
	var list strings.Builder
	prefixes := map[netip.Prefix]bool{}
	for range 2000 {
		if p := random(8, 25); !prefixes[p] {
			prefixes[p] = true
			fmt.Fprintf(&list, "%s,%s\n", p, p)
		}
	}
	n := networks(t, list.String())
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

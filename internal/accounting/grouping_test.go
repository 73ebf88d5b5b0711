package accounting

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func addr(t testing.TB, s string) Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	require.NoError(t, err)
	return AddrFrom(a)
}

// mask4 returns the IPv4 mask of four numbers or of a prefix length.
func mask4(t testing.TB, s string) Mask {
	t.Helper()
	if length, err := strconv.Atoi(s); err == nil {
		return PrefixMask(96 + length)
	}
	m, four := PrefixMask(96), addr(t, s)
	copy(m[12:], four[12:])
	return m
}

func TestMasksGroupAddresses(t *testing.T) {
	for _, c := range []struct{ mask, address, group string }{
		{"24", "10.32.1.77", "10.32.1.0"},
		{"32", "10.32.1.77", "10.32.1.77"},
		{"0", "10.32.1.77", "0.0.0.0"},
		{"255.239.255.0", "10.56.1.77", "10.40.1.0"},
	} {
		require.Equal(t, c.group, (&Masks{IPv4: mask4(t, c.mask)}).group(addr(t, c.address)).IP().String(), c.mask)
	}
	for bits, group := range map[int]string{48: "2001:db8:1::", 64: "2001:db8:1:2::", 128: "2001:db8:1:2::3", 0: "::"} {
		require.Equal(t, group, (&Masks{IPv6: PrefixMask(bits)}).group(addr(t, "2001:db8:1:2::3")).IP().String())
	}
}

// An IPv6 flow with IPv4-mapped addresses is one of IPv4 to us.
func TestMappedAddresses(t *testing.T) {
	mapped := Addr(netip.MustParseAddr("::ffff:192.0.2.1").As16())
	require.True(t, mapped.Is4())
	require.Equal(t, "192.0.2.1", mapped.IP().String())
}

func TestFilter(t *testing.T) {
	flow := func(src, dst string, proto uint8, zone uint16) Flow {
		return Flow{Proto: proto, Zone: zone, Orig: Tuple{Src: addr(t, src), Dst: addr(t, dst)}}
	}
	nets := func(list ...string) (out []netip.Prefix) {
		for _, s := range list {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	four, six := flow("10.0.0.1", "10.1.0.1", protoTCP, 0), flow("2001:db8::1", "2001:db8:1::1", 17, 5)
	ping, ping6 := flow("10.0.0.1", "10.1.0.1", protoICMP, 0), flow("2001:db8::1", "2001:db8:1::1", protoICMPv6, 0)
	for name, c := range map[string]struct {
		filter Filter
		passes []Flow
		stops  []Flow
	}{
		"zero":        {Filter{}, []Flow{four, six}, []Flow{ping, ping6}},
		"icmp":        {Filter{ICMP: true}, []Flow{four, six, ping, ping6}, nil},
		"source":      {Filter{Source: nets("10.0.0.0/16", "2001:db8::/48")}, []Flow{four, six}, []Flow{flow("10.1.0.1", "10.0.0.1", 17, 0)}},
		"destination": {Filter{Destination: nets("10.1.0.0/16")}, []Flow{four}, []Flow{six, flow("10.1.0.1", "10.0.0.1", 17, 0)}},
		"exclude":     {Filter{Exclude: nets("10.1.0.1/32", "2001:db8::1/128")}, nil, []Flow{four, six, flow("10.1.0.1", "9.9.9.9", 6, 0)}},
		"zones":       {Filter{Zones: []uint16{5, 6}}, []Flow{six}, []Flow{four}},
		"ipv4 only":   {Filter{NoIPv6: true}, []Flow{four}, []Flow{six}},
		"ipv6 only":   {Filter{NoIPv4: true}, []Flow{six}, []Flow{four}},
	} {
		for _, f := range c.passes {
			require.True(t, c.filter.match(&f, f.Orig.Dst), "%s: %v", name, f.Orig)
		}
		for _, f := range c.stops {
			require.False(t, c.filter.match(&f, f.Orig.Dst), "%s: %v", name, f.Orig)
		}
	}
}

func tcpPorts(ports ...uint16) *Ports {
	set := &Ports{}
	for _, port := range ports {
		set.Add(protoTCP, port, port)
	}
	return set
}

package accounting

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// networks returns networks of lines "prefix,name".
func networks(t testing.TB, lines ...string) *Networks {
	t.Helper()
	n := &Networks{}
	for _, line := range lines {
		text, name, _ := strings.Cut(line, ",")
		prefix, err := netip.ParsePrefix(text)
		require.NoError(t, err)
		require.NoError(t, n.Add(Network{Prefix: prefix, Name: name}))
	}
	return n
}

func TestNetworkIDsHoldEachIndex(t *testing.T) {
	for _, index := range []int{0, 1, 253, 254, 255, 65_533, 65_534, maxNetworks - 1} {
		require.Equal(t, index, idOf(index).index())
		require.NotContains(t, []networkID{unknownNetwork, outside}, idOf(index))
	}
}

// byNetwork returns a configuration that groups both ends by networks.
func byNetwork(t testing.TB, mask string, other bool) Config {
	t.Helper()
	cfg := testConfig(t)
	g := Grouping{Masks: Masks{IPv4: mask4(t, mask), IPv6: cfg.Source.IPv6}, Network: true, Other: other}
	cfg.Source, cfg.Destination = g, g
	return cfg
}

func TestGroupsByNetwork(t *testing.T) {
	n := networks(t, "10.0.0.0/8,Corp", "10.0.0.0/24,Core", "10.9.9.9/32,Host", "2001:db8::/32,Six")
	for _, c := range []struct {
		address, group, name string
		other                bool
	}{
		{"10.1.2.3", "10.0.0.0/8", "Corp", false},
		{"10.0.0.3", "10.0.0.0/24", "Core", false},
		{"10.9.9.9", "10.9.9.9/32", "Host", false},
		{"2001:db8::1", "2001:db8::/32", "Six", false},
		{"192.0.2.77", "192.0.2.0", "", false},
		{"2001:db9::1", "2001:db9::1", "", false},
		{"10.1.2.3", "10.0.0.0/8", "Corp", true},
		{"192.0.2.77", "0.0.0.0/0", "other", true},
		{"2001:db9::1", "::/0", "other", true},
	} {
		cfg := byNetwork(t, "24", c.other)
		var known networkID
		for range 2 { // looked up, then remembered
			var group Group
			cfg.Source.put(&group, addr(t, c.address), n, &known)
			require.Equal(t, c.group, group.String())
			network := cfg.Source.network(group, n)
			require.Equal(t, c.name != "", network != nil, c.address)
			if network != nil {
				require.Equal(t, c.name, network.Name)
			}
		}
	}
}

// A group of a mask takes the name of the network that its address lies in,
// but not of one that is finer than the mask.
func TestNamesOfMaskedGroups(t *testing.T) {
	n := networks(t, "10.32.0.0/11,Campus", "10.40.1.0/24,Team", "10.40.0.0/32,Router", "2001:db8::/48,Six")
	for _, c := range []struct {
		mask, address, group, name string
	}{
		{"255.239.255.0", "10.56.1.9", "10.40.1.0", "Team"},
		{"255.239.255.0", "10.56.0.9", "10.40.0.0", "Campus"},
		{"255.255.255.255", "10.40.0.0", "10.40.0.0", "Router"},
		{"16", "10.40.1.9", "10.40.0.0", "Campus"},
		{"8", "10.40.1.9", "10.0.0.0", ""},
		{"0", "10.40.1.9", "0.0.0.0", ""},
		{"24", "2001:db8::7", "2001:db8::", "Six"},
		{"24", "2001:db8:1::7", "2001:db8:1::", ""},
	} {
		m := mask4(t, c.mask)
		six := PrefixMask(64)
		g := Grouping{Masks: Masks{IPv4: m, IPv6: six}}
		var group Group
		g.put(&group, addr(t, c.address), n, new(networkID))
		require.Equal(t, c.group, group.String())
		name := ""
		if network := g.network(group, n); network != nil {
			name = network.Name
		}
		require.Equal(t, c.name, name, "%s %s", c.mask, c.address)
		require.Nil(t, g.network(group, nil))
	}
}

// Names are remembered by group. More groups than are remembered push each
// other out, and still each has its own name.
func TestEachGroupHasItsOwnName(t *testing.T) {
	n, addrs := listed(t, 3*nameSlots)
	var remembered names
	remembered.forget(n)
	g := Grouping{Network: true}
	groups := append([]Group{everything4, everything6, {Addr: addrs[0]}}, n.groups...)
	slots := map[uint64]bool{}
	for range 2 {
		for _, group := range groups {
			require.Same(t, g.network(group, n), remembered.of(&g, group, n))
			slots[slotOf(&group)] = true
		}
	}
	require.Greater(t, len(slots), nameSlots/2, "groups are spread over the slots")
	remembered.forget(nil)
	require.Nil(t, remembered.of(&g, n.groups[0], nil))
}

// Networks change under live flows: each delta goes to the network that held
// the address when it was read, and none is lost or doubled. Names are those
// of the moment, and no part of a series.
func TestNetworksChangeUnderALiveFlow(t *testing.T) {
	tr := started(byNetwork(t, "24", false))
	f := flowOf(1, protoTCP, 100)
	step := func(seconds float64, group, name string, bytes uint64, lines ...string) {
		t.Helper()
		tr.SetNetworks(networks(t, lines...))
		dump(tr, seconds, f)
		s := one(t, tr)
		src := tr.SourceNetwork(&s.Key)
		require.Equal(t, group, s.Key.Src.String())
		require.Equal(t, bytes, s.Orig.Bytes)
		if name == "" {
			require.Nil(t, src)
		} else {
			require.Equal(t, name, src.Name)
		}
		f.OrigCounters.Bytes += 7
	}
	step(15, "10.0.0.0/8", "Corp", 100, "10.0.0.0/8,Corp")
	step(30, "10.0.0.0/8", "Corp Ltd", 7, "10.0.0.0/8,Corp Ltd")
	step(45, "10.0.0.0/24", "Core", 7, "10.0.0.0/8,Corp Ltd", "10.0.0.0/24,Core")
	step(60, "10.0.0.0", "", 7)

	// What is accounted already stays in its series, even if its network goes.
	tr.SetNetworks(networks(t, "10.0.0.0/8,Corp", "10.0.0.0/24,Core"))
	tr.OnDestroy(&f, at(61))
	tr.SetNetworks(networks(t, "10.0.0.0/8,Corp"))
	dump(tr, 75)
	s := one(t, tr)
	require.Equal(t, "10.0.0.0/24", s.Key.Src.String())
	require.EqualValues(t, 7, s.Orig.Bytes)
	src := tr.SourceNetwork(&s.Key)
	require.Equal(t, "Corp", src.Name)
}

// Whatever the order of dumps and events, and whenever the networks change,
// the sums are exact.
func TestExactWhileNetworksChange(t *testing.T) { play(t, 30, changingNetworks) }

func changingNetworks(t *testing.T, seed uint64) {
	cfg := byNetwork(t, "31", seed/2%2 == 0)
	cfg.GroupBy = GroupBy{Zone: true, Family: true, MarkMask: 2, SourcePorts: 2}
	cfg.MaxSeries = 20
	simulate(t, seed, cfg, func(tr *Tracker, rng *rand.Rand) {
		var lines []string
		for _, host := range rng.Perm(4)[:rng.IntN(4)] {
			lines = append(lines, fmt.Sprintf("10.0.0.%d/32,src %d", host, rng.IntN(9)))
		}
		for _, bits := range rng.Perm(4)[:rng.IntN(4)] {
			lines = append(lines, fmt.Sprintf("10.0.0.0/%d,net", 23+bits))
		}
		tr.SetNetworks(networks(t, lines...))
	})
}

// A flow of the same tuple that takes the place of a dead one may be
// translated to another responder, which lies in another network.
func TestNetworkOfANewResponder(t *testing.T) {
	cfg := byNetwork(t, "32", false)
	cfg.Translated = true
	cfg.MissingTTL = 0 // the kernel sends no events
	tr := started(cfg)
	tr.SetNetworks(networks(t, "192.168.1.0/24,one", "192.168.2.0/24,two"))
	f := flowOf(1, 17, 100)
	for i, to := range []string{"192.168.1.7", "192.168.2.7"} {
		f.Reply.Src = addr(t, to)
		f.OrigCounters.Bytes -= uint64(i) // it went back: a new flow
		dump(tr, 15*float64(i+1), f)
		dst := tr.DestinationNetwork(&take(tr)[0].Key)
		require.Equal(t, []string{"one", "two"}[i], dst.Name)
	}
}

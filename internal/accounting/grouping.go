package accounting

import "net/netip"

// Grouping is how the addresses of one endpoint of flows are grouped.
type Grouping struct {
	Masks        // the groups, and those of what lies outside all networks
	Network bool // by the networks that SetNetworks gave, the longest prefix wins
	Other   bool // with Network: what lies outside all networks is one group
}

// Group is what a series keeps of an address: the masked address, or its network.
type Group struct {
	Addr
	Bits uint8 // the network's prefix length plus 1; 0: a masked address
}

// groupOf returns the group of a network.
func groupOf(p netip.Prefix) Group {
	return Group{AddrFrom(p.Addr()), uint8(p.Bits() + 1)}
}

// everything are the networks that hold all addresses of a family.
var everything4, everything6 = groupOf(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), groupOf(netip.PrefixFrom(netip.IPv6Unspecified(), 0))

// prefix returns the network of a group by network.
func (g Group) prefix() netip.Prefix { return netip.PrefixFrom(g.IP(), int(g.Bits)-1) }

// String returns the group as tags show it: a masked address as an address, a network
// as address/length, since networks of several lengths can have the same address.
func (g Group) String() string {
	if g.Bits == 0 {
		return g.IP().String()
	}
	return g.prefix().String()
}

// put stores the group of an address. Its network is looked up once for each
// flow and list of networks: the flow's entry remembers it in known.
func (g *Grouping) put(to *Group, a Addr, networks *Networks, known *networkID) {
	if !g.Network {
		to.Addr = g.group(a)
		return
	}
	if *known == unknownNetwork {
		*known = networks.find(a)
	}
	switch {
	case *known != outside:
		*to = networks.groups[known.index()]
	case !g.Other:
		to.Addr = g.group(a)
	case a.Is4():
		*to = everything4
	default:
		*to = everything6
	}
}

// network returns the network that holds all of a group, or nil. A network that is finer
// than the mask does not hold the group of a masked address.
func (g *Grouping) network(group Group, networks *Networks) *Network {
	switch {
	case group.Bits == 0 && group.Is4():
		return networks.covering(netip.PrefixFrom(group.IP(), g.IPv4.finest()-96))
	case group.Bits == 0:
		return networks.covering(netip.PrefixFrom(group.IP(), g.IPv6.finest()))
	}
	if n := networks.covering(group.prefix()); n != nil || !g.Other || group.Bits > 1 {
		return n
	}
	return &other
}

// other names the group of what lies outside all networks.
var other = Network{Name: "other"}

package accounting

import "encoding/binary"

// names caches the networks of the groups of one endpoint: many series share few groups.
// A group may evict another one, which is then looked up again.
type names struct {
	slots []namedGroup
}

type namedGroup struct {
	group   Group
	known   bool
	network *Network // nil for a group in none
}

const (
	nameBits  = 12
	nameSlots = 1 << nameBits
)

// forget empties the cache for new networks. Without networks there is no cache.
func (c *names) forget(networks *Networks) {
	c.slots = nil
	if networks.Len() > 0 {
		c.slots = make([]namedGroup, nameSlots)
	}
}

// of returns the network of a group, or nil.
func (c *names) of(g *Grouping, group Group, networks *Networks) *Network {
	if c.slots == nil {
		return g.network(group, networks)
	}
	slot := &c.slots[slotOf(&group)]
	if !slot.known || slot.group != group {
		*slot = namedGroup{group, true, g.network(group, networks)}
	}
	return slot.network
}

// slotOf spreads groups over the slots: multiplying by an odd number of many
// bits mixes all of them into the highest.
func slotOf(g *Group) uint64 {
	const odd = 0x9e3779b97f4a7c15
	high, low := binary.NativeEndian.Uint64(g.Addr[:8]), binary.NativeEndian.Uint64(g.Addr[8:])
	return (((high+uint64(g.Bits))*odd ^ low) * odd) >> (64 - nameBits)
}

package accounting

import (
	"fmt"
	"iter"
	"net/netip"

	"github.com/gaissmai/bart"
)

// Network is a network with a name.
type Network struct {
	Prefix netip.Prefix
	Name   string
	Keys   []Tag // its key=value pairs, which become tags
}

// Tag is a key and its value.
type Tag struct {
	Key, Value string
}

// Networks are named networks of both families, looked up by longest prefix. They do not
// change once a Tracker uses them. A nil Networks is empty.
type Networks struct {
	table  bart.Table[int32] // the networks' index in the lists
	list   []Network
	groups []Group // apart from the list, since a gather reads only these
}

// Add adds a network. It fails if the network was added before, or if there are too many.
func (n *Networks) Add(network Network) error {
	if _, known := n.table.Get(network.Prefix); known {
		return fmt.Errorf("network %s is listed twice", network.Prefix)
	}
	if len(n.list) == maxNetworks {
		return fmt.Errorf("more than %d networks", maxNetworks)
	}
	n.table.Insert(network.Prefix, int32(len(n.list)))
	n.list = append(n.list, network)
	n.groups = append(n.groups, groupOf(network.Prefix))
	return nil
}

// All goes through the networks, in the order in which they were added.
func (n *Networks) All() iter.Seq[*Network] {
	return func(yield func(*Network) bool) {
		for i := range n.list {
			if !yield(&n.list[i]) {
				return
			}
		}
	}
}

// Find returns the smallest network that an address lies in, or nil.
func (n *Networks) Find(a netip.Addr) *Network {
	id := n.find(AddrFrom(a))
	if id == outside {
		return nil
	}
	return &n.list[id.index()]
}

// Len returns how many networks there are.
func (n *Networks) Len() int {
	if n == nil {
		return 0
	}
	return len(n.list)
}

// find looks up the longest prefix that an address lies in.
func (n *Networks) find(a Addr) networkID {
	if n == nil {
		return outside
	}
	i, ok := n.table.Lookup(a.IP())
	if !ok {
		return outside
	}
	return idOf(int(i))
}

// covering returns the smallest network that holds all of the prefix, or nil.
func (n *Networks) covering(p netip.Prefix) *Network {
	if n == nil {
		return nil
	}
	i, ok := n.table.LookupPrefix(p)
	if !ok {
		return nil
	}
	return &n.list[i]
}

// networkID identifies the network of an address among the current Networks. It has three
// bytes only, since each flow remembers two of them.
type networkID [3]byte

var (
	unknownNetwork = networkID{}  // not looked up yet
	outside        = networkID{1} // in none
)

const (
	firstNetwork = 2
	maxNetworks  = 1<<24 - firstNetwork
)

func idOf(index int) networkID {
	id := index + firstNetwork
	return networkID{byte(id), byte(id >> 8), byte(id >> 16)}
}

func (id networkID) index() int {
	return int(id[0]) | int(id[1])<<8 | int(id[2])<<16 - firstNetwork
}

// SetNetworks replaces the named networks. Traffic from now on is grouped by the new
// ones; the series of the current interval stay.
func (t *Tracker) SetNetworks(n *Networks) {
	t.networks = n
	t.srcNames.forget(n)
	t.dstNames.forget(n)
	for _, e := range t.flows.All() {
		e.src, e.dst = unknownNetwork, unknownNetwork
	}
}

// SourceNetwork returns the network of the source of a series, nil for none. It is not
// part of the series' key: a new name for a network makes no new series. It may run
// beside other calls, except SetNetworks and itself.
func (t *Tracker) SourceNetwork(k *SeriesKey) *Network {
	return t.srcNames.of(&t.cfg.Source, k.Src, t.networks)
}

// DestinationNetwork is like SourceNetwork for the destination.
func (t *Tracker) DestinationNetwork(k *SeriesKey) *Network {
	return t.dstNames.of(&t.cfg.Destination, k.Dst, t.networks)
}

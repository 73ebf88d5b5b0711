package accounting

import "math/bits"

// OtherPorts is the port of all flows whose port is not among the
// interesting ones.
const OtherPorts = -1

// Ports is a set of interesting destination ports. A nil set holds none.
type Ports struct {
	sets [256]*portSet // by protocol, nil where it has none
}

// portSet has a bit for each port: it is asked for each reading of a flow.
type portSet [(maxPort + 1) / 64]uint64

const maxPort = 65535

// Add adds the ports from first to last of a protocol.
func (p *Ports) Add(proto uint8, first, last uint16) {
	if p.sets[proto] == nil {
		p.sets[proto] = new(portSet)
	}
	for port := int(first); port <= int(last); port++ {
		p.sets[proto][port/64] |= 1 << (port % 64)
	}
}

// Len returns how many ports there are, each protocol's own.
func (p *Ports) Len() (n int) {
	for _, set := range p.sets {
		if set == nil {
			continue
		}
		for _, word := range set {
			n += bits.OnesCount64(word)
		}
	}
	return n
}

// Of returns the port that a flow to a port is accounted under: that one, or OtherPorts.
func (p *Ports) Of(proto uint8, port uint16) int32 {
	if p != nil && p.sets[proto].has(port) {
		return int32(port)
	}
	return OtherPorts
}

func (s *portSet) has(port uint16) bool { return s != nil && s[port/64]&(1<<(port%64)) != 0 }

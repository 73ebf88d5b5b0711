package accounting

import (
	"fmt"
	"strconv"
)

// GroupBy is what distinguishes series besides groups, protocol and port. The zero
// GroupBy adds nothing.
type GroupBy struct {
	Zone        bool
	Family      bool
	MarkMask    uint32 // the bits of the connmark that count; 0: none
	SourcePorts int    // ports in a range, or PortRanges; 0: not by source port
}

// PortRanges as SourcePorts stands for the three ranges of RFC 6335: system, user
// and dynamic ports.
const PortRanges = -1

// folded is the tag of series that MaxSeries folded into one.
const folded = "other"

// splits reports whether a group, protocol and port may have several series.
// The family does not split: an address group has only one.
func (g *GroupBy) splits() bool { return g.Zone || g.MarkMask != 0 || g.SourcePorts != 0 }

// split completes the series' key.
func (g *GroupBy) split(s *SeriesKey, k *key, e *entry) {
	s.Mark = e.mark & g.MarkMask // an entry of another Tracker may have more
	if g.Zone {
		s.Zone = k.Zone
	}
	if HasPorts(k.Proto) {
		s.SourcePort = g.firstPort(k.SrcPort)
	}
}

// fit converts the key of a Tracker with another GroupBy, so that no two series get the
// same tags.
func (g *GroupBy) fit(k SeriesKey) SeriesKey {
	if !g.Zone {
		k.Zone = 0
	}
	k.SourcePort = g.firstPort(k.SourcePort)
	k.Mark &= g.MarkMask
	k.Folded = k.Folded && g.splits()
	return k
}

// firstPort returns the first port of the range that a port lies in; all ports are one
// range without SourcePorts.
func (g *GroupBy) firstPort(port uint16) uint16 {
	switch {
	case g.SourcePorts == 0:
		return 0
	case g.SourcePorts != PortRanges:
		return port - port%uint16(g.SourcePorts)
	case port < 1024:
		return 0
	case port < 49152:
		return 1024
	}
	return 49152
}

// rangeText returns the range that begins with a port.
func (g *GroupBy) rangeText(first uint16) string {
	last := int(first) + g.SourcePorts - 1
	if g.SourcePorts == PortRanges {
		last = map[uint16]int{0: 1023, 1024: 49151, 49152: 65535}[first]
	}
	return fmt.Sprintf("%d-%d", first, min(last, 65535))
}

// AddTags adds the tags of a series that GroupBy names.
func (g *GroupBy) AddTags(tags map[string]string, k *SeriesKey) {
	if g.Family {
		tags["family"] = map[bool]string{true: "ipv4", false: "ipv6"}[k.Src.Is4()]
	}
	if g.Zone {
		tags["ct_zone"] = k.foldedOr(strconv.Itoa(int(k.Zone)))
	}
	if g.MarkMask != 0 {
		tags["ct_mark"] = k.foldedOr(fmt.Sprintf("%#x", k.Mark))
	}
	if g.SourcePorts != 0 && (k.Folded || HasPorts(k.Proto)) {
		tags["source_port_range"] = k.foldedOr(g.rangeText(k.SourcePort))
	}
}

func (k *SeriesKey) foldedOr(text string) string {
	if k.Folded {
		return folded
	}
	return text
}

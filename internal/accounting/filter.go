package accounting

import (
	"net/netip"
	"slices"
)

// Filter selects the flows to account. The zero Filter takes all but ICMP.
type Filter struct {
	Source      []netip.Prefix // opener within one of these; empty: any
	Destination []netip.Prefix // responder within one of these; empty: any
	Exclude     []netip.Prefix // neither endpoint within one of these
	Zones       []uint16       // conntrack zones; empty: any
	Mark        uint32         // connmark under MarkMask
	MarkMask    uint32         // 0: any mark
	ICMP        bool           // account ICMP and ICMPv6 too
	NoIPv4      bool
	NoIPv6      bool
}

// match reports whether the flow f, which goes to dst, is accounted, by what
// never changes in its life. The mark can change: see matchMark.
func (t *Filter) match(f *Flow, dst Addr) bool {
	if !t.ICMP && (f.Proto == protoICMP || f.Proto == protoICMPv6) {
		return false
	}
	if t.NoIPv4 || t.NoIPv6 {
		if is4 := f.Orig.Src.Is4(); is4 && t.NoIPv4 || !is4 && t.NoIPv6 {
			return false
		}
	}
	if len(t.Zones) > 0 && !slices.Contains(t.Zones, f.Zone) {
		return false
	}
	return t.matchAddresses(f.Orig.Src, dst)
}

// matchMark reports whether the mark lets a flow in. A flow that was let in once stays
// in, so that a changed mark does not lose its last bytes.
func (t *Filter) matchMark(f *Flow) bool {
	return f.Mark&t.MarkMask == t.Mark&t.MarkMask
}

func (t *Filter) matchAddresses(src, dst Addr) bool {
	if len(t.Source) > 0 && !within(t.Source, src) {
		return false
	}
	if len(t.Destination) > 0 && !within(t.Destination, dst) {
		return false
	}
	return len(t.Exclude) == 0 || !within(t.Exclude, src) && !within(t.Exclude, dst)
}

func within(prefixes []netip.Prefix, a Addr) bool {
	ip := a.IP()
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

package ctnetlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// A Filter selects flows. The kernel applies it to a full dump. It does not filter
// events and the dying list: use Match on them.
type Filter struct {
	// Mark and MarkMask select the flows whose connmark has the value Mark in
	// the bits of MarkMask. A zero mask selects all.
	Mark, MarkMask uint32

	// Family is AF_INET or AF_INET6, or AF_UNSPEC (0) for both.
	Family uint8
}

// Match reports whether the filter selects the flow.
func (f Filter) Match(flow *accounting.Flow) bool {
	if (flow.Mark^f.Mark)&f.MarkMask != 0 {
		return false
	}
	switch f.Family {
	case unix.AF_INET:
		return flow.Orig.Src.Is4()
	case unix.AF_INET6:
		return !flow.Orig.Src.Is4()
	}
	return true
}

// Selects reports whether the filter leaves anything out.
func (f Filter) Selects() bool { return f.MarkMask != 0 || f.Family != unix.AF_UNSPEC }

// request returns the payload of a dump request: struct nfgenmsg, then
// CTA_MARK and CTA_MARK_MASK where there is a mask.
func (f Filter) request() []byte {
	b := []byte{f.Family, unix.NFNETLINK_V0, 0, 0}
	if f.MarkMask != 0 {
		b = appendUint32(b, ctaMark, f.Mark&f.MarkMask)
		b = appendUint32(b, ctaMarkMask, f.MarkMask)
	}
	return b
}

func appendUint32(b []byte, kind uint16, value uint32) []byte {
	b = binary.NativeEndian.AppendUint16(b, nlattrLen+4)
	b = binary.NativeEndian.AppendUint16(b, kind)
	return binary.BigEndian.AppendUint32(b, value)
}

package ctnetlink

import (
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/require"
	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// oracle decodes a message with ti-mo/conntrack.
func oracle(kind uint16, payload []byte) (*conntrack.Flow, error) {
	var event conntrack.Event
	err := event.Unmarshal(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_CTNETLINK<<8 | kind)},
		Data:   payload,
	})
	return event.Flow, err
}

// fromOracle converts what ti-mo/conntrack decoded. It does not know
// CTA_TIMESTAMP_EVENT, nor whether there were counters.
func fromOracle(c *conntrack.Flow) accounting.Flow {
	f := accounting.Flow{
		ID: c.ID, Mark: c.Mark, Status: uint32(c.Status), Timeout: c.Timeout, Zone: c.Zone,
		Proto: c.TupleOrig.Proto.Protocol,
		Orig:  tupleFromOracle(c.TupleOrig), Reply: tupleFromOracle(c.TupleReply),
		OrigCounters:  counters(c.CountersOrig.Packets, c.CountersOrig.Bytes),
		ReplyCounters: counters(c.CountersReply.Packets, c.CountersReply.Bytes),
		Start:         timeFromOracle(c.Timestamp.Start), Stop: timeFromOracle(c.Timestamp.Stop),
	}
	if c.Zone == 0 {
		f.Zone = c.TupleOrig.Zone
	}
	if c.ProtoInfo.TCP != nil {
		f.TCPState = c.ProtoInfo.TCP.State
	}
	return f
}

func tupleFromOracle(c conntrack.Tuple) accounting.Tuple {
	t := accounting.Tuple{SrcPort: c.Proto.SourcePort, DstPort: c.Proto.DestinationPort}
	if c.Proto.ICMPv4 || c.Proto.ICMPv6 {
		t.SrcPort, t.DstPort = c.Proto.ICMPID, uint16(c.Proto.ICMPType)<<8|uint16(c.Proto.ICMPCode)
	}
	if c.IP.SourceAddress != (netip.Addr{}) {
		t.Src, t.Dst = accounting.AddrFrom(c.IP.SourceAddress), accounting.AddrFrom(c.IP.DestinationAddress)
	}
	return t
}

func timeFromOracle(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func TestDecodeAgainstOracle(t *testing.T) {
	t.Parallel()
	for _, r := range recordings(t) {
		var got accounting.Flow
		require.NoError(t, decode(r.payload, &got))
		kind, err := strconv.ParseUint(r.kind, 10, 8)
		require.NoError(t, err)
		want, err := oracle(uint16(kind), r.payload)
		require.NoError(t, err, r.name)
		requireLike(t, want, got)
	}
}

// nests are the attributes whose nested attributes decode reads.
func nests() map[string]bool {
	return map[string]bool{
		"/1": true, "/1/1": true, "/1/2": true, "/2": true, "/2/1": true, "/2/2": true,
		"/4": true, "/4/1": true, "/9": true, "/10": true, "/20": true,
	}
}

// paths collects the attributes of a message by path. It returns false when one
// is there twice, or has a type above 255, of which ti-mo/conntrack sees only
// the low byte.
func paths(b []byte, path string, found map[string][]byte) bool {
	for len(b) > 0 {
		kind, value, rest, err := nextAttribute(b)
		if err != nil || kind > 0xff {
			return false
		}
		key := path + "/" + strconv.Itoa(int(kind))
		if _, twice := found[key]; twice {
			return false
		}
		found[key] = value
		if nests()[key] && !paths(value, key, found) {
			return false
		}
		b = rest
	}
	return true
}

// contradictory reports whether a message, otherwise well-formed, says two
// things at once, as the kernel never does: what it means is then anyone's guess.
func contradictory(payload []byte) bool {
	found := make(map[string][]byte)
	if !paths(payload[nfgenmsgLen:], "", found) {
		return true
	}
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return found[key] != nil })
	}
	for _, proto := range []string{"/1/2", "/2/2"} {
		ports := has(proto+"/2", proto+"/3")
		icmp := has(proto+"/4", proto+"/5", proto+"/6", proto+"/7", proto+"/8", proto+"/9")
		number := found[proto+"/1"]
		isICMP := len(number) == 1 && (number[0] == unix.IPPROTO_ICMP || number[0] == unix.IPPROTO_ICMPV6)
		if isICMP && ports || !isICMP && icmp {
			return true
		}
	}
	return has("/18") && has("/1/3")
}

// No input makes the decoder panic, and what it and ti-mo/conntrack both accept
// means the same to both.
func FuzzDecode(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var got accounting.Flow
		if decode(payload, &got) != nil || contradictory(payload) {
			return
		}
		want, err := oracle(msgDelete, payload)
		if err != nil {
			return
		}
		requireLike(t, want, got)
	})
}

// requireLike requires that a reading has what the oracle has, as far as that knows:
// it does not distinguish absent flags from those that are 0.
func requireLike(t *testing.T, want *conntrack.Flow, got accounting.Flow) {
	t.Helper()
	if got.Began != accounting.BeganUnknown {
		require.NotNil(t, want.ProtoInfo.TCP)
		require.Equal(t, began(uint8(want.ProtoInfo.TCP.OriginalFlags>>8), uint8(want.ProtoInfo.TCP.ReplyFlags>>8)), got.Began)
	}
	got.Event, got.HasCounters, got.Began = 0, false, accounting.BeganUnknown
	require.Equal(t, fromOracle(want), got)
}

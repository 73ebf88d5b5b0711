package ctnetlink

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
)

// tuple returns a tuple from "address:port" of both ends.
func tuple(src, dst string) accounting.Tuple {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	return accounting.Tuple{
		Src: accounting.AddrFrom(s.Addr()), SrcPort: s.Port(),
		Dst: accounting.AddrFrom(d.Addr()), DstPort: d.Port(),
	}
}

func counters(packets, bytes uint64) accounting.Counters {
	return accounting.Counters{Packets: packets, Bytes: bytes}
}

func TestDecodeRecorded(t *testing.T) {
	t.Parallel()
	want := map[string]accounting.Flow{
		"udp-without-counters": {
			ID: 2439663516, Status: 392, Timeout: 30, Proto: 17,
			Orig: tuple("10.32.0.1:4000", "10.33.0.1:5000"), Reply: tuple("10.33.0.1:5000", "10.32.0.1:4000"),
		},
		"udp": {
			ID: 68983496, Status: 392, Timeout: 29, Proto: 17, HasCounters: true, OrigCounters: counters(1, 128),
			Orig: tuple("10.32.0.1:4000", "10.33.0.1:5000"), Reply: tuple("10.33.0.1:5000", "10.32.0.1:4000"),
			Start: 1795392253383000494,
		},
		"udp-ipv6": {
			ID: 2324814045, Status: 8, Timeout: 29, Proto: 17, HasCounters: true, OrigCounters: counters(1, 148),
			Orig: tuple("[fd32::1]:4000", "[fd32::2]:5000"), Reply: tuple("[fd32::2]:5000", "[fd32::1]:4000"),
			Start: 1795392253383482303,
		},
		"udp-zone": {
			ID: 342354289, Status: 392, Timeout: 29, Proto: 17, Zone: 7, HasCounters: true, OrigCounters: counters(1, 128),
			Orig: tuple("10.32.0.1:4001", "10.33.0.1:5001"), Reply: tuple("10.33.0.1:5001", "10.32.0.1:4001"),
			Start: 1795392253383757843,
		},
		"udp-original-zone": {
			ID: 3302907806, Status: 392, Timeout: 29, Proto: 17, Zone: 8, HasCounters: true, OrigCounters: counters(1, 128),
			Orig: tuple("10.32.0.1:4002", "10.33.0.1:5002"), Reply: tuple("10.33.0.1:5002", "10.32.0.1:4002"),
			Start: 1795392253384012103,
		},
		"udp-mark": {
			ID: 808342645, Mark: 0xabcd0102, Status: 392, Timeout: 29, Proto: 17, HasCounters: true, OrigCounters: counters(1, 128),
			Orig: tuple("10.32.0.1:4003", "10.33.0.1:5003"), Reply: tuple("10.33.0.1:5003", "10.32.0.1:4003"),
			Start: 1795392253384355641,
		},
		"icmp": { // an echo request, type 8, and its reply, type 0
			ID: 1989088515, Status: 394, Timeout: 29, Proto: 1, HasCounters: true, OrigCounters: counters(1, 84), ReplyCounters: counters(1, 84),
			Orig: tuple("10.32.0.1:23080", "10.33.0.1:2048"), Reply: tuple("10.33.0.1:23080", "10.32.0.1:0"),
			Start: 1795392253395841977,
		},
		"icmpv6": { // types 128 and 129
			ID: 1375359730, Status: 10, Timeout: 29, Proto: 58, HasCounters: true, OrigCounters: counters(1, 104), ReplyCounters: counters(1, 104),
			Orig: tuple("[::1]:23081", "[fd32::2]:32768"), Reply: tuple("[fd32::2]:23081", "[::1]:33024"),
			Start: 1795392253405197994,
		},
		"tcp-dnat": {
			ID: 742819695, Status: 430, Timeout: 432000, Proto: 6, TCPState: 3, Began: accounting.BeganSeen, HasCounters: true, OrigCounters: counters(3, 1164), ReplyCounters: counters(2, 112),
			Orig: tuple("10.32.0.1:4100", "10.33.0.1:8080"), Reply: tuple("10.32.0.9:80", "10.32.0.1:4100"),
			Start: 1795392253463511550,
		},
		"sctp": {
			ID: 1150848658, Status: 10, Timeout: 99, Proto: 132, HasCounters: true,
			Orig: tuple("10.32.1.1:10", "10.33.1.1:20"), Reply: tuple("10.33.1.1:20", "10.32.1.1:10"),
			Start: 1795392253414355165,
		},
		"udplite": {
			ID: 3805871265, Status: 10, Timeout: 99, Proto: 136, HasCounters: true,
			Orig: tuple("10.32.1.1:10", "10.33.1.1:20"), Reply: tuple("10.33.1.1:20", "10.32.1.1:10"),
			Start: 1795392253430291740,
		},
		"gre": {
			ID: 608225490, Status: 10, Timeout: 99, Proto: 47, HasCounters: true,
			Orig: tuple("10.32.1.1:1", "10.33.1.1:2"), Reply: tuple("10.33.1.1:2", "10.32.1.1:1"),
			Start: 1795392253454461171,
		},
		"igmp": {
			ID: 3091683154, Status: 10, Timeout: 99, Proto: 2, HasCounters: true,
			Orig: tuple("10.32.1.1:0", "10.33.1.1:0"), Reply: tuple("10.33.1.1:0", "10.32.1.1:0"),
			Start: 1795392253445779917,
		},
		"ospf": {
			ID: 437489939, Status: 10, Timeout: 100, Proto: 89, HasCounters: true,
			Orig: tuple("10.32.1.1:0", "10.33.1.1:0"), Reply: tuple("10.33.1.1:0", "10.32.1.1:0"),
			Start: 1795392253462282981,
		},
		"update-established": { // updates carry neither counters nor start
			ID: 742819695, Status: 430, Timeout: 432000, Proto: 6, TCPState: 3, Began: accounting.BeganSeen,
			Orig: tuple("10.32.0.1:4100", "10.33.0.1:8080"), Reply: tuple("10.32.0.9:80", "10.32.0.1:4100"),
			Event: 1795392253463600338,
		},
		"update-last-ack": {
			ID: 742819695, Status: 430, Timeout: 30, Proto: 6, TCPState: 6, Began: accounting.BeganSeen,
			Orig: tuple("10.32.0.1:4100", "10.33.0.1:8080"), Reply: tuple("10.32.0.9:80", "10.32.0.1:4100"),
			Event: 1795392253467220379,
		},
		"update-time-wait": {
			ID: 742819695, Status: 430, Timeout: 120, Proto: 6, TCPState: 7, Began: accounting.BeganSeen,
			Orig: tuple("10.32.0.1:4100", "10.33.0.1:8080"), Reply: tuple("10.32.0.9:80", "10.32.0.1:4100"),
			Event: 1795392253467228164,
		},
		"destroy-tcp": {
			ID: 742819695, Status: 942, Timeout: 119, Proto: 6, TCPState: 7, HasCounters: true, OrigCounters: counters(5, 1268), ReplyCounters: counters(3, 164),
			Orig: tuple("10.32.0.1:4100", "10.33.0.1:8080"), Reply: tuple("10.32.0.9:80", "10.32.0.1:4100"),
			Start: 1795392253463511550, Stop: 1795392253475865513, Event: 1795392253475865533,
		},
		"destroy-udp-ipv6": {
			ID: 2324814045, Status: 520, Timeout: 29, Proto: 17, HasCounters: true, OrigCounters: counters(1, 148),
			Orig: tuple("[fd32::1]:4000", "[fd32::2]:5000"), Reply: tuple("[fd32::2]:5000", "[fd32::1]:4000"),
			Start: 1795392253383482303, Stop: 1795392253475827121, Event: 1795392253475827151,
		},
		"destroy-original-zone": {
			ID: 3302907806, Status: 904, Timeout: 29, Proto: 17, Zone: 8, HasCounters: true, OrigCounters: counters(1, 128),
			Orig: tuple("10.32.0.1:4002", "10.33.0.1:5002"), Reply: tuple("10.33.0.1:5002", "10.32.0.1:4002"),
			Start: 1795392253384012103, Stop: 1795392253475773580, Event: 1795392253475773731,
		},
	}
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, want, r.name)
			got := accounting.Flow{ID: 1, Mark: 1, Zone: 1, Event: 1} // must not shine through
			require.NoError(t, decode(r.payload, &got))
			require.Equal(t, want[r.name], got)
		})
	}
}

// attributeHeader encodes what comes before a value: a length, which includes the
// header, and a kind.
func attributeHeader(size int, kind uint16) []byte {
	return binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, uint16(size)), kind)
}

// attribute encodes one netlink attribute, padded.
func attribute(kind uint16, value ...byte) []byte {
	b := append(attributeHeader(nlattrLen+len(value), kind), value...)
	return append(b, make([]byte, align(len(b))-len(b))...)
}

func TestDecodeDamaged(t *testing.T) {
	t.Parallel()
	whole := recorded(t, "destroy-tcp")
	with := func(more ...byte) []byte { return append(whole[:len(whole):len(whole)], more...) }
	tests := []struct {
		name string
		msg  []byte
		want error
	}{
		{"empty", nil, errTruncated},
		{"header cut off", whole[:3], errTruncated},
		{"header alone", whole[:4], errNoTuple},
		{"attribute header cut off", with(attributeHeader(8, 0)[:2]...), errTruncated},
		{"attribute longer than the message", with(append(attributeHeader(9, 1), 0, 0, 0, 0)...), errTruncated},
		{"attribute shorter than its header", with(attributeHeader(3, 1)...), errTruncated},
		{"empty tuple", with(attribute(ctaTupleOrig)...), errNoTuple},
		{"mark too short", with(attribute(ctaMark, 1, 2)...), errLength},
		{"id too long", with(attribute(ctaID, 1, 2, 3, 4, 5, 6, 7, 8)...), errLength},
		{"zone too long", with(attribute(ctaZone, 1, 2, 3, 4)...), errLength},
		{"status empty", with(attribute(ctaStatus)...), errLength},
		{"timeout too short", with(attribute(ctaTimeout, 1, 2)...), errLength},
		{"event time too short", with(attribute(ctaTimestampEvent, 1, 2, 3, 4)...), errLength},
		{"start time too short", with(attribute(ctaTimestamp, attribute(ctaTimestampStart, 1)...)...), errLength},
		{"counter too short", with(attribute(ctaCountersOrig, attribute(ctaCountersBytes, 1, 2, 3, 4)...)...), errLength},
		{"counters cut off", with(attribute(ctaCountersReply, attributeHeader(12, 0)[:2]...)...), errTruncated},
		{"TCP state too long", with(attribute(ctaProtoinfo, attribute(ctaProtoinfoTCP, attribute(ctaProtoinfoTCPState, 1, 2)...)...)...), errLength},
		{"IPv4 address too short", with(attribute(ctaTupleReply, attribute(ctaTupleIP, attribute(ctaIPv4Src, 1, 2, 3)...)...)...), errLength},
		{"IPv6 address too short", with(attribute(ctaTupleReply, attribute(ctaTupleIP, attribute(ctaIPv6Dst, 1, 2, 3, 4)...)...)...), errLength},
		{"port too short", with(attribute(ctaTupleReply, attribute(ctaTupleProto, attribute(ctaProtoDstPort, 1)...)...)...), errLength},
		{"tuple without a protocol", with(attribute(ctaTupleReply, attribute(ctaTupleIP, append(attribute(ctaIPv4Src, 1, 2, 3, 4), attribute(ctaIPv4Dst, 1, 2, 3, 4)...)...)...)...), errNoTuple},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var f accounting.Flow
			require.ErrorIs(t, decode(test.msg, &f), test.want)
		})
	}
}

// Attributes of later kernels are skipped, at every level.
func TestDecodeUnknownAttributes(t *testing.T) {
	t.Parallel()
	msg := recorded(t, "udp")
	var want, got accounting.Flow
	require.NoError(t, decode(msg, &want))
	unknown := attribute(200, 1, 2, 3)
	msg = append(msg, unknown...)
	for _, nest := range []uint16{ctaProtoinfo, ctaCountersOrig, ctaTimestamp} {
		msg = append(msg, attribute(nest, unknown...)...)
	}
	require.NoError(t, decode(msg, &got))
	require.Equal(t, want, got)
}

func TestDecodeAllocatesNothing(t *testing.T) {
	var f accounting.Flow
	for _, r := range recordings(t) {
		var err error
		require.Zero(t, testing.AllocsPerRun(100, func() { err = decode(r.payload, &f) }), r.name)
		require.NoError(t, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	msg := recorded(b, "destroy-tcp")
	b.ReportAllocs()
	var f accounting.Flow
	for b.Loop() {
		if err := decode(msg, &f); err != nil {
			b.Fatal(err)
		}
	}
}

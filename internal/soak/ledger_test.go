//go:build soak

package soak

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"telegraf-conntrack-accounting/internal/testkit"
)

// series names a series as the tags do.
type series struct{ proto, src, dst, port string }

// sums are what a series sent, from the opener and back, and its connections
// that closed.
type sums struct {
	src, dst testkit.Counter
	closed   uint64
}

// ledger holds the sums of all series. Those at zero are left out.
type ledger map[series]sums

func (l ledger) add(s series, d sums) {
	sum := l[s]
	sum.src.Packets += d.src.Packets
	sum.src.Bytes += d.src.Bytes
	sum.dst.Packets += d.dst.Packets
	sum.dst.Bytes += d.dst.Bytes
	sum.closed += d.closed
	if sum == (sums{}) {
		delete(l, s)
		return
	}
	l[s] = sum
}

// since returns what was added after an earlier reading. The difference of
// unsigned sums that went back shows up as a huge one.
func (l ledger) since(before ledger) ledger {
	difference := ledger{}
	for s, sum := range l {
		difference.add(s, sum)
	}
	for s, sum := range before {
		difference.add(s, sums{
			testkit.Counter{Packets: -sum.src.Packets, Bytes: -sum.src.Bytes},
			testkit.Counter{Packets: -sum.dst.Packets, Bytes: -sum.dst.Bytes},
			-sum.closed,
		})
	}
	return difference
}

// total is the sum over all series.
func (l ledger) total() sums {
	all := ledger{}
	for _, sum := range l {
		all.add(series{}, sum)
	}
	return all[series{}]
}

// withoutConnections leaves out what nftables does not count.
func (l ledger) withoutConnections() ledger {
	out := ledger{}
	for s, sum := range l {
		sum.closed = 0
		out.add(s, sum)
	}
	return out
}

func (s sums) packets() uint64 { return s.src.Packets + s.dst.Packets }
func (s sums) bytes() uint64   { return s.src.Bytes + s.dst.Bytes }

// explain lists series that differ, ten at most.
func explain(want, got ledger) string {
	var lines []string
	for s, difference := range want.since(got) {
		lines = append(lines, fmt.Sprintf("%+v: %+v, difference %d packets, %d bytes, %d connections", s, want[s],
			int64(difference.packets()), int64(difference.bytes()), int64(difference.closed)))
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(10, len(lines))], "\n")
}

// fromPairs returns the series that pairs of addresses belong to, under the
// masks that the plugin is given.
func fromPairs(sent map[testkit.Pair]testkit.Counter, closed map[testkit.Pair]uint64) ledger {
	out := ledger{}
	for pair, c := range sent {
		if pair.Reply {
			out.add(seriesOf(pair), sums{dst: c})
		} else {
			out.add(seriesOf(pair), sums{src: c})
		}
	}
	for pair, n := range closed {
		out.add(seriesOf(pair), sums{closed: n})
	}
	return out
}

// mask4 and mask6 are the lengths of the masks of both ends.
const mask4, mask6 = 24, 64

func seriesOf(pair testkit.Pair) series {
	port := "-1"
	if pair.Port != 0 {
		port = strconv.Itoa(int(pair.Port))
	}
	return series{protocol(pair.Proto), group(pair.Src), group(pair.Dst), port}
}

func group(a netip.Addr) string {
	bits := mask6
	if a.Is4() {
		bits = mask4
	}
	return netip.PrefixFrom(a, bits).Masked().Addr().String()
}

func protocol(number uint8) string {
	if name := map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 58: "ipv6-icmp", 132: "sctp"}[number]; name != "" {
		return name
	}
	return strconv.Itoa(int(number))
}

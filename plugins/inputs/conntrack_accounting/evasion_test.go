package conntrack_accounting

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Flags of a TCP segment.
const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// segment is a TCP segment that no socket would send.
type segment struct {
	from, to netip.AddrPort
	seq, ack uint32
	flags    byte
}

func (s *segment) bytes(payload int) []byte {
	b := binary.BigEndian.AppendUint16(nil, s.from.Port())
	b = binary.BigEndian.AppendUint16(b, s.to.Port())
	b = binary.BigEndian.AppendUint32(b, s.seq)
	b = binary.BigEndian.AppendUint32(b, s.ack)
	b = append(b, 5<<4, s.flags, 0x20, 0, 0, 0, 0, 0) // a window of 8 KiB
	b = append(b, make([]byte, payload)...)
	pseudo := append(s.from.Addr().AsSlice(), s.to.Addr().AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, 6)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(b)))
	binary.BigEndian.PutUint16(b[16:], checksum(append(pseudo, b...)))
	return b
}

// checksum is the Internet checksum.
func checksum(b []byte) uint16 {
	var sum uint32
	for i, c := range b {
		sum += uint32(c) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// inject sends a segment as it is.
func (l *lab) inject(s segment, payload int) {
	l.t.Helper()
	l.injectRaw("ip4:6", s.from.Addr(), s.to.Addr(), s.bytes(payload))
}

// unreachable sends the ICMP error with which the receiver of a segment refuses it.
func (l *lab) unreachable(s segment, payload int) {
	l.t.Helper()
	quoted := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0}, append(s.from.Addr().AsSlice(), s.to.Addr().AsSlice()...)...)
	quoted = append(quoted, s.bytes(payload)...)
	binary.BigEndian.PutUint16(quoted[2:], uint16(len(quoted)))
	binary.BigEndian.PutUint16(quoted[10:], checksum(quoted[:20]))
	b := append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, quoted...)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	l.injectRaw("ip4:1", s.to.Addr(), s.from.Addr(), b)
}

func (l *lab) injectRaw(network string, from, to netip.Addr, b []byte) {
	l.t.Helper()
	require.NoError(l.t, l.ns.Do(func() error {
		conn, err := net.DialIP(network, &net.IPAddr{IP: from.AsSlice()}, &net.IPAddr{IP: to.AsSlice()})
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_, err = conn.Write(b)
		return err
	}))
}

// evasions are segments amid a connection, of 1000 bytes each, that conntrack may
// let pass without counting them: docs/operations.md says which.
func evasions() map[string]struct {
	segment
	invalid bool // in ct state and table_invalid
	liberal bool // nf_conntrack_tcp_be_liberal=1 has them counted
	guarded bool // the rules of docs/operations.md stop them, even so
} {
	c, s := netip.MustParseAddrPort("10.32.0.1:5000"), netip.MustParseAddrPort("10.33.0.1:443")
	return map[string]struct {
		segment
		invalid, liberal, guarded bool
	}{
		"above the window":          {segment{c, s, 2001 + 1<<24, 5001, flagACK}, true, true, false},
		"long acknowledged":         {segment{c, s, 2001 + 3<<30, 5001, flagACK}, false, true, false},
		"acknowledges too much":     {segment{c, s, 2001, 5001 + 1<<24, flagACK}, true, true, false},
		"acknowledges too little":   {segment{c, s, 2001, 5001 + 3<<30, flagACK}, false, true, false},
		"RST outside of the window": {segment{c, s, 2001 + 1<<24, 5001, flagRST | flagACK}, true, true, false},
		"SYN":                       {segment{c, s, 2001, 0, flagSYN}, false, false, true},
		"SYN-ACK":                   {segment{s, c, 5001, 2001, flagSYN | flagACK}, false, false, true},
		"SYN-ACK of the opener":     {segment{c, s, 2001, 5001, flagSYN | flagACK}, true, false, true},
		"no flags":                  {segment{c, s, 2001, 5001, 0}, true, false, true},
		"SYN and RST":               {segment{c, s, 2001, 5001, flagSYN | flagRST}, true, false, true},
	}
}

// What is documented of packets that pass without being counted is true: which they
// are, where they show, what nf_conntrack_tcp_be_liberal does, and what the rules do.
func TestEvasions(t *testing.T) {
	t.Parallel()
	for name, c := range evasions() {
		for _, liberal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, liberal=%v", name, liberal), func(t *testing.T) {
				t.Parallel()
				l := newEvasionLab(t, liberal)
				l.connect()
				before, invalid := l.bytes(), l.internal["table_invalid"].(int64)
				l.inject(c.segment, 1000)
				l.gather()
				counted := liberal && c.liberal
				require.Equal(t, counted, l.bytes() == before+1040, "%d bytes more", l.bytes()-before)
				require.Equal(t, !counted, l.bytes() == before, "%d bytes more", l.bytes()-before)
				require.Equal(t, c.invalid && !counted, l.internal["table_invalid"].(int64) > invalid)
				require.EqualValues(t, 1, l.ns.Counters(t)["arrived"].Packets)
				l.ns.Nft(t, guard(t))
				l.inject(c.segment, 1000)
				require.Equal(t, liberal && c.guarded || !liberal && (c.guarded || c.invalid), l.ns.Counters(t)["arrived"].Packets == 1)
			})
		}
	}
}

// An ICMP error belongs to the flow that it quotes, and is not counted.
func TestICMPErrorsAreNotCounted(t *testing.T) {
	t.Parallel()
	l := newEvasionLab(t, true)
	l.connect()
	before := l.bytes()
	quoted := segment{netip.MustParseAddrPort("10.32.0.1:5000"), netip.MustParseAddrPort("10.33.0.1:443"), 2001, 5001, flagACK}
	l.unreachable(quoted, 400)
	l.gather()
	require.Equal(t, before, l.bytes())
	require.EqualValues(t, 1, l.ns.Counters(t)["related"].Packets)
}

// newEvasionLab is a lab in which nothing answers what the test injects.
func newEvasionLab(t *testing.T, liberal bool) *lab {
	testkit.Need(t, "nft")
	l := &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}, sum: map[string]testkit.Counter{}}
	l.ns.Local(t, "10.32.0.0/11")
	l.ns.Nft(t, `table inet seen {
		counter arrived { }
		counter related { }
		chain output { # the kernel knows of no connection and would reset it
			type filter hook output priority raw;
			tcp flags rst meta length < 100 drop
		}
		chain input {
			type filter hook input priority 100;
			meta l4proto tcp meta length > 1000 counter name arrived
			ct state related counter name related
		}
	}`)
	l.ns.Sysctl(t, "net.netfilter.nf_conntrack_tcp_be_liberal", map[bool]int{true: 1}[liberal])
	l.start()
	return l
}

// connect opens a connection and sends 800 bytes, which are acknowledged.
func (l *lab) connect() {
	l.t.Helper()
	c, s := netip.MustParseAddrPort("10.32.0.1:5000"), netip.MustParseAddrPort("10.33.0.1:443")
	l.inject(segment{c, s, 1200, 0, flagSYN}, 0)
	l.inject(segment{s, c, 5000, 1201, flagSYN | flagACK}, 0)
	l.inject(segment{c, s, 1201, 5001, flagACK}, 0)
	l.inject(segment{c, s, 1201, 5001, flagACK}, 800)
	l.inject(segment{s, c, 5001, 2001, flagACK}, 0)
	l.gather()
	require.EqualValues(l.t, 5*40+800, l.bytes())
}

func (l *lab) bytes() uint64 { return l.sum["tcp-src"].Bytes + l.sum["tcp-dst"].Bytes }

// guard returns the rules of docs/operations.md, for packets that come in.
func guard(t *testing.T) string {
	text, err := os.ReadFile("../../../docs/operations.md")
	require.NoError(t, err)
	rules := regexp.MustCompile("(?s)```nft\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, rules, "there is no block of nft rules")
	require.Contains(t, string(rules[1]), "hook forward")
	return strings.Replace(string(rules[1]), "hook forward", "hook input", 1)
}

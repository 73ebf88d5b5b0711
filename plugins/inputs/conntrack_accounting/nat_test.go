package conntrack_accounting

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Behind DNAT, dst and port are what the opener sent to or the real server's; SNAT
// does not change who the opener is; and no view loses a byte.
func TestAddressViewsBehindNAT(t *testing.T) {
	t.Parallel()
	for view, to := range map[string]netip.AddrPort{
		"original": netip.MustParseAddrPort("10.40.0.1:443"), "translated": netip.MustParseAddrPort("10.33.0.1:80"),
	} {
		dst, port := to.Addr().String(), strconv.Itoa(int(to.Port()))
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.serve()
			l.ns.Nft(t, `table ip nat {
				chain output {
					type nat hook output priority -100;
					ip daddr 10.40.0.1 tcp dport 443 dnat to 10.33.0.1:80
				}
				chain postrouting {
					type nat hook postrouting priority 100;
					ip saddr 10.32.0.0/16 snat to 10.41.0.1
				}
			}`)
			l.start(func(p *Plugin) {
				p.AddressView = view
				p.Ports = []string{"tcp:80", "tcp:443"}
				p.Destination = []string{dst}
			})
			require.NoError(t, l.ns.TCP("10.32.0.1", "10.40.0.1:443", 5, 1000, 2000))
			l.gather()
			l.requireOnly("tcp", "10.32.0.1", dst, port)
			require.NoError(t, l.ns.TCP("10.32.0.1", "10.40.0.1:443", 5, 1000, 2000))
			l.flush() // these are known from their end alone
			l.gather()
			l.requireOnly("tcp", "10.32.0.1", dst, port)
			l.requireExact()
			require.EqualValues(t, 10, l.closed)
		})
	}
}

// requireOnly requires that the last gather made the one series.
func (l *lab) requireOnly(proto, src, dst, port string) {
	l.t.Helper()
	require.Len(l.t, l.rows, 1)
	require.Equal(l.t, map[string]string{"proto": proto, "src": src, "dst": dst, "port": port}, l.rows[0].tags)
}

// The kernel itself leaves out flows without the mark from dumps; events are
// matched here.
func TestOnlyMarkedFlows(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.ns.Nft(t, `table inet marks {
		chain output {
			type filter hook output priority mangle;
			ct original ip saddr 10.32.0.7 ct mark set 0x101
			ct original ip saddr 10.32.0.8 ct mark set 0x2
		}
	}`)
	l.start(func(p *Plugin) { p.Mark = "0x1/0xff" })
	for _, from := range []string{"10.32.0.7", "10.32.0.8", "10.32.0.9"} {
		require.NoError(t, l.ns.UDP(from, "10.33.0.1:53", 3, 100))
	}
	l.gather()
	l.requireOnly("udp", "10.32.0.7", "10.33.0.1", "53")
	for _, from := range []string{"10.32.0.7", "10.32.0.8", "10.32.0.9"} {
		require.NoError(t, l.ns.UDP(from, "10.33.0.1:53", 3, 100))
	}
	l.flush()
	l.gather()
	l.requireOnly("udp", "10.32.0.7", "10.33.0.1", "53")
	require.Equal(t, testkit.Counter{Packets: 6, Bytes: 6 * 128}, l.sum["udp-src"])
}

// A flow that was let in stays in until it ends, whatever its mark is then: the
// kernel leaves it out of dumps filtered by mark, but it is neither gone nor closed.
func TestMarksThatChange(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.ns.Nft(t, `table inet marks { chain output {
		type filter hook output priority mangle;
		ct state new ct mark set 0x101
	}
	}`)
	l.start(func(p *Plugin) { p.Mark = "0x1/0xff" })
	stranger := l.ns.DialTCP(t, "10.32.0.8", "10.33.0.1:80")
	l.mark("10.32.0.8", 2)
	conn := l.ns.DialTCP(t, "10.32.0.7", "10.33.0.1:80")
	talk := func() {
		require.NoError(t, testkit.Transfer(conn, 1000, 2000))
		require.NoError(t, testkit.Transfer(stranger, 10, 10))
		l.requireQuiet()
		l.gather()
	}
	talk()
	for _, mark := range []int{2, 3, 2, 1, 0x101, 2, 3} {
		l.mark("10.32.0.7", mark)
		talk()
		require.EqualValues(t, 1, l.stats().Flows, "the stranger is not let in")
		require.Zero(t, l.closed)
		require.Zero(t, l.stats().Missing)
	}
	require.NoError(t, testkit.Transfer(conn, 1000, 2000))
	l.requireQuiet()
	want := l.countedFrom("10.32.0.7")
	l.flush()
	l.gather()
	require.Equal(t, want, l.sum["tcp-src"].Bytes+l.sum["tcp-dst"].Bytes)
	require.EqualValues(t, 1, l.closed)
	require.Zero(t, l.stats().Flows)
	require.Empty(t, l.log.with("vanished"))
}

// mark sets the connmark of the flows from an address.
func (l *lab) mark(from string, mark int) {
	l.ns.Exec(l.t, testkit.Tool("conntrack"), "-U", "-s", from, "--mark", fmt.Sprint(mark))
}

// countedFrom returns the bytes that the kernel counted for the flows from an
// address, both ways.
func (l *lab) countedFrom(from string) (sum uint64) {
	text := l.ns.Exec(l.t, testkit.Tool("conntrack"), "-L", "-s", from)
	for _, match := range regexp.MustCompile(`bytes=(\d+)`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseUint(match[1], 10, 64)
		require.NoError(l.t, err)
		sum += n
	}
	return sum
}

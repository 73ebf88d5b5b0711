//go:build soak

// Package soak proves that accounting is exact: it drives traffic of every kind
// through a gateway, disturbs it in every way that we know of, and compares what
// the plugin says with two counts that know nothing of the plugin.
package soak

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// gateway is a router between two sides. It translates addresses, has zones,
// and keeps the ledger.
type gateway struct {
	t      *testing.T
	router *testkit.Netns
	sides  [2]*side
}

// side is a namespace in which whole networks are local. Addresses are by
// family: IPv4, IPv6.
type side struct {
	ns      *testkit.Netns
	clients [2][]netip.Addr
	servers [2][]netip.Addr
	void    [2]netip.Addr // where nothing answers
}

// ports are accounted one by one.
var ports = []string{"tcp 80", "udp 53"}

// The networks of the sides, and of what is between them.
const (
	left, right = 33, 34
	links       = 32
	voids       = 100 // a side's void is its network and this
)

func newGateway(t *testing.T) *gateway {
	testkit.Need(t, "nft", "conntrack")
	g := &gateway{t: t, router: testkit.NewNetns(t)}
	g.router.Sysctl(t, "net.ipv4.ip_forward", 1)
	g.router.Sysctl(t, "net.ipv6.conf.all.forwarding", 1)
	g.router.Sysctl(t, "net.ipv6.conf.default.accept_dad", 0)
	g.sides = [2]*side{g.newSide(left), g.newSide(right)}
	for family := range 2 { // a new link takes a moment
		g.sides[0].ns.Exec(t, "ping", "-c", "1", "-w", "20", g.sides[1].servers[family][0].String())
	}
	g.router.Nft(t, `table ip nat {
		chain prerouting {
			type nat hook prerouting priority -100;
			ip daddr 10.40.0.1 dnat to 10.34.1.9
		}
		chain postrouting {
			type nat hook postrouting priority 100;
			ip saddr 10.33.4.0/24 snat to 10.32.34.1
		}
	}
	table inet zones { # a network with a zone, and one tuple in two zones
		chain prerouting {
			type filter hook prerouting priority raw;
			ip saddr 10.33.3.0/24 ct zone set 7
			ip daddr 10.33.3.0/24 ct zone set 7
			udp dport 9 udp length 108 ct zone set 1
			udp dport 9 udp length 208 ct zone set 2
		}
	}`)
	g.router.Nft(t, `table inet marks {
		chain prerouting {
			type filter hook prerouting priority mangle;
			ct state new ct mark set 0x1
		}
	}`)
	g.router.PairLedger(t, ports...)
	return g
}

func (g *gateway) newSide(net int) *side {
	s := &side{ns: testkit.NewNetns(g.t)}
	s.ns.Sysctl(g.t, "net.ipv6.conf.default.accept_dad", 0) // addresses are usable at once
	testkit.Link(g.t, g.router, s.ns,
		[]string{address(0, links, net, 1).String() + "/24", address(1, links, net, 1).String() + "/64"},
		[]string{address(0, links, net, 2).String() + "/24", address(1, links, net, 2).String() + "/64"})
	for family, all := range []string{"0.0.0.0/0", "::/0"} {
		s.ns.Local(g.t, network(family, net))
		s.ns.IP(g.t, []string{"-4", "-6"}[family], "route", "add", "blackhole", network(family, net+voids))
		s.ns.Route(g.t, all, address(family, links, net, 1).String())
		for _, behind := range []int{net, net + voids} {
			g.router.Route(g.t, network(family, behind), address(family, links, net, 2).String())
		}
		for group := 1; group <= 4; group++ {
			s.clients[family] = append(s.clients[family], address(family, net, group, 1), address(family, net, group, 2))
			s.servers[family] = append(s.servers[family], address(family, net, group, 9))
		}
		s.void[family] = address(family, net+voids, 0, 1)
	}
	return s
}

// address returns 10.net.group.host or 2001:db8:net:group::host.
func address(family, net, group, host int) netip.Addr {
	if family == 0 {
		return netip.AddrFrom4([4]byte{10, byte(net), byte(group), byte(host)})
	}
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:%d:%d::%d", net, group, host))
}

func network(family, net int) string {
	prefix, err := address(family, net, 0, 0).Prefix([]int{16, 48}[family])
	if err != nil {
		panic(err)
	}
	return prefix.String()
}

// retransmittedSYNs counts the SYN and SYN-ACK segments that the sides sent
// again. Conntrack lets most of them pass without counting them.
func (g *gateway) retransmittedSYNs() (sum int) {
	for _, s := range g.sides {
		require.NoError(g.t, s.ns.Do(func() error {
			text, err := os.ReadFile("/proc/thread-self/net/netstat")
			lines := strings.Split(string(text), "\n")
			for i := 0; i+1 < len(lines); i += 2 { // names above values
				names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
				for j := range names {
					if names[j] == "TCPSynRetrans" {
						n, _ := strconv.Atoi(values[j])
						sum += n
					}
				}
			}
			return err
		}))
	}
	return sum
}

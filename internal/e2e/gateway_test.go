// Package e2e tests the product as operators run it: a gateway, the real
// Telegraf with the shipped sample.conf, InfluxDB and Postgres.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// gateway is a router between two subnets with a host in each, IPv4 and IPv6.
// nftables on the router keeps the ledger, by series.
type gateway struct {
	t                *testing.T
	router, one, two *testkit.Netns
}

// The addresses of a side: its group, as the masks 24 and 64 make it, and its
// host.
type side struct{ group, host string }

var (
	one4, two4 = side{"10.32.1.0", "10.32.1.2"}, side{"10.32.2.0", "10.32.2.2"}
	one6, two6 = side{"2001:db8:1::", "2001:db8:1::2"}, side{"2001:db8:2::", "2001:db8:2::2"}
)

// series names a series of the test: proto, src, dst and port as in the tags.
type series struct{ proto, src, dst, port string }

// sums are what a series sent: from the opener, and back.
type sums struct{ src, dst testkit.Counter }

func newGateway(t *testing.T) *gateway {
	testkit.Need(t, "nft", "conntrack", "ping")
	g := &gateway{t: t, router: testkit.NewNetns(t), one: testkit.NewNetns(t), two: testkit.NewNetns(t)}
	testkit.Link(t, g.router, g.one, []string{"10.32.1.1/24", "2001:db8:1::1/64"}, []string{"10.32.1.2/24", "2001:db8:1::2/64"})
	testkit.Link(t, g.router, g.two, []string{"10.32.2.1/24", "2001:db8:2::1/64"}, []string{"10.32.2.2/24", "2001:db8:2::2/64"})
	for ns, via := range map[*testkit.Netns][2]string{g.one: {"10.32.1.1", "2001:db8:1::1"}, g.two: {"10.32.2.1", "2001:db8:2::1"}} {
		ns.LosslessRoute(t, "10.32.0.0/16", via[0])
		ns.LosslessRoute(t, "2001:db8::/32", via[1])
	}
	g.router.Sysctl(t, "net.ipv4.ip_forward", 1)
	g.router.Sysctl(t, "net.ipv6.conf.all.forwarding", 1)
	g.router.DropRepeatedHandshakes(t)
	g.router.Nft(t, g.ledger())
	for _, ns := range []*testkit.Netns{g.one, g.two} {
		ns.ServeTCP(t, "[::]:80") // of both families
		ns.ServeTCP(t, "[::]:81")
		ns.EchoUDP(t, "[::]:53")
	}
	return g
}

// expected lists the series that talk makes.
func expected() (list []series) {
	for _, pair := range [][2]side{{one4, two4}, {two4, one4}, {one6, two6}, {two6, one6}} {
		icmp := "icmp"
		if strings.Contains(pair[0].group, ":") {
			icmp = "ipv6-icmp"
		}
		for _, s := range []series{{proto: "tcp", port: "80"}, {proto: "tcp", port: "-1"}, {proto: "udp", port: "53"}, {proto: icmp, port: "-1"}} {
			list = append(list, series{s.proto, pair[0].group, pair[1].group, s.port})
		}
	}
	return list
}

// ledger returns rules that count each series of expected in both directions.
func (g *gateway) ledger() string {
	var counters, rules strings.Builder
	for i, s := range expected() {
		fmt.Fprintf(&counters, "counter s%[1]d-src { }\ncounter s%[1]d-dst { }\n", i)
		family, length := "ip", 24
		if strings.Contains(s.src, ":") {
			family, length = "ip6", 64
		}
		match := fmt.Sprintf("ct original %[1]s saddr %[2]s/%[4]d ct original %[1]s daddr %[3]s/%[4]d meta l4proto %[5]s", family, s.src, s.dst, length, s.proto)
		switch {
		case s.port != "-1":
			match += " ct original proto-dst " + s.port
		case s.proto == "tcp":
			match += " ct original proto-dst 81"
		}
		fmt.Fprintf(&rules, "%[2]s ct direction original counter name s%[1]d-src\n%[2]s ct direction reply counter name s%[1]d-dst\n", i, match)
	}
	return fmt.Sprintf("table inet ledger {\n%s\nchain forward {\ntype filter hook forward priority filter;\n%s\n}\n}", counters.String(), rules.String())
}

// counted returns the ledger.
func (g *gateway) counted() map[series]sums {
	counters, out := g.router.Counters(g.t), map[series]sums{}
	for i, s := range expected() {
		sum := sums{counters[fmt.Sprintf("s%d-src", i)], counters[fmt.Sprintf("s%d-dst", i)]}
		if sum != (sums{}) {
			out[s] = sum
		}
	}
	return out
}

// What talk sends over each UDP and ICMP series, in packets and payload bytes.
const (
	datagrams, datagramSize = 5, 200
	pings, pingSize         = 3, 56
)

// talk makes traffic of every expected series, and requires that the ledger
// has what was sent.
func (g *gateway) talk() {
	before := g.counted()
	for _, from := range []struct {
		ns   *testkit.Netns
		a, b side
	}{{g.one, one4, two4}, {g.two, two4, one4}, {g.one, one6, two6}, {g.two, two6, one6}} {
		to := from.b.host
		if strings.Contains(to, ":") {
			to = "[" + to + "]"
		}
		require.NoError(g.t, from.ns.TCP(from.a.host, to+":80", 3, 20_000, 100_000))
		require.NoError(g.t, from.ns.TCP(from.a.host, to+":81", 1, 5_000, 1_000))
		require.NoError(g.t, from.ns.UDP(from.a.host, to+":53", datagrams, datagramSize))
		from.ns.Exec(g.t, testkit.Tool("ping"), "-c", fmt.Sprint(pings), "-s", fmt.Sprint(pingSize), "-i", "0.01", from.b.host)
	}
	g.requireSent(before)
}

func (g *gateway) requireSent(before map[series]sums) {
	g.t.Helper()
	after := g.counted()
	for _, s := range expected() {
		header := uint64(20)
		if strings.Contains(s.src, ":") {
			header = 40
		}
		packets, bytes := after[s].src.Packets-before[s].src.Packets, after[s].src.Bytes-before[s].src.Bytes
		switch s.proto {
		case "udp":
			require.EqualValues(g.t, datagrams, packets, s)
			require.EqualValues(g.t, datagrams*(datagramSize+8+header), bytes, s)
		case "tcp":
			require.Greater(g.t, bytes, uint64(5_000), s)
		default:
			require.EqualValues(g.t, pings, packets, s)
			require.EqualValues(g.t, pings*(pingSize+8+header), bytes, s)
		}
	}
}

// replace returns the text with each old part replaced, all of which it must
// hold: a sample.conf that changed must not quietly escape the test.
func replace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(text)
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

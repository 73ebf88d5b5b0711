package ctnetlink

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/testkit"
)

// waitLimit bounds the waits for the kernel on a busy machine.
const waitLimit = 60 * time.Second

// tracked returns a fresh namespace that tracks, counts and times connections,
// where all addresses of 10.32.0.0/11 and fd32::/64 are local.
func tracked(t testing.TB) (*testkit.Netns, *Namespace) {
	t.Helper()
	testkit.Need(t, "ip", "nft", "conntrack")
	n := testkit.NewNetns(t)
	n.TrackAll(t)
	for _, on := range []string{Acct, Timestamp, Events} {
		n.Sysctl(t, on, 1)
	}
	n.Sysctl(t, "nf_conntrack_udp_timeout", 600)
	n.Local(t, "10.32.0.0/11")
	n.Local(t, "fd32::/64")
	return n, open(t, n.Name)
}

func open(t testing.TB, name string) *Namespace {
	t.Helper()
	ns, err := OpenNamespace(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Close()) })
	return ns
}

// sendUDP opens flows IPv4 or IPv6 flows, of one datagram each, from the source
// port to as many addresses.
func sendUDP(t testing.TB, n *testkit.Netns, family int, port, flows int) {
	t.Helper()
	require.NoError(t, udpFlows(n, family, port, flows))
}

func udpFlows(n *testkit.Netns, family int, port, flows int) error {
	return n.Do(func() error {
		sink, err := bindUDP(family, 9)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(sink) }()
		source, err := bindUDP(family, port)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(source) }()
		to4, to6 := &unix.SockaddrInet4{Port: 9}, &unix.SockaddrInet6{Port: 9, Addr: [16]byte{0: 0xfd, 1: 0x32}}
		for i := range flows {
			var to unix.Sockaddr = to4
			binary.BigEndian.PutUint32(to4.Addr[:], 10<<24|33<<16+uint32(i))
			if family == unix.AF_INET6 {
				to = to6
				binary.BigEndian.PutUint32(to6.Addr[12:], 1<<16+uint32(i))
			}
			if err := unix.Sendto(source, []byte("12345678"), 0, to); err != nil {
				return err
			}
		}
		return nil
	})
}

func bindUDP(family, port int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// A program started just now by another test may still hold a copy of the
	// socket that had the port before.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	var addr unix.Sockaddr = &unix.SockaddrInet4{Port: port}
	if family == unix.AF_INET6 {
		addr = &unix.SockaddrInet6{Port: port}
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
	}
	return fd, errors.Join(err, unix.Bind(fd, addr))
}

// tcpConnections opens and closes TCP connections to one server, one after the
// other.
func tcpConnections(t testing.TB, n *testkit.Netns, count int) {
	t.Helper()
	require.NoError(t, n.Do(func() error {
		server, err := net.Listen("tcp", "10.32.0.9:80")
		if err != nil {
			return err
		}
		defer func() { _ = server.Close() }()
		for range count {
			client, err := net.Dial("tcp", "10.32.0.9:80")
			if err != nil {
				return err
			}
			peer, err := server.Accept()
			if err != nil {
				return err
			}
			if err := client.Close(); err != nil {
				return err
			}
			if err := peer.Close(); err != nil {
				return err
			}
		}
		return nil
	}))
}

// flush deletes all entries of the namespace.
func flush(t testing.TB, n *testkit.Netns) {
	t.Helper()
	n.Exec(t, "conntrack", "-F")
}

func newDumper(t testing.TB, ns *Namespace, f Filter) *Dumper {
	t.Helper()
	d, err := NewDumper(ns, f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// dumpAll returns all flows of one dump, without what is left of their timeouts:
// the next dump says something else.
func dumpAll(t testing.TB, d *Dumper) []accounting.Flow {
	t.Helper()
	var flows []accounting.Flow
	stats, err := d.Dump(func(batch []accounting.Flow) { flows = append(flows, batch...) })
	require.NoError(t, err)
	require.Zero(t, stats.DecodeErrors)
	require.EqualValues(t, len(flows), stats.Flows)
	for i := range flows {
		flows[i].Timeout = 0
	}
	return flows
}

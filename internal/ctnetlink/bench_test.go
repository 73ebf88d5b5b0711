package ctnetlink

import (
	"encoding/binary"
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/require"
	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkDump compares a dump of 100,000 flows with the least that any dump
// costs, receiving without a look at the flows, and with ti-mo/conntrack.
func BenchmarkDump(b *testing.B) {
	const flows = 100_000
	n, ns := tracked(b)
	sendUDP(b, n, unix.AF_INET, 4000, flows)

	b.Run("receive only", func(b *testing.B) {
		s, err := dial(ns)
		require.NoError(b, err)
		defer func() { require.NoError(b, s.Close()) }()
		b.ReportAllocs()
		for b.Loop() {
			if err := receiveOnly(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Dumper", func(b *testing.B) {
		d := newDumper(b, ns, Filter{})
		b.ReportAllocs()
		for b.Loop() {
			stats, err := d.Dump(func([]accounting.Flow) {})
			if err != nil || stats.Flows != flows {
				b.Fatal(stats, err)
			}
		}
	})
	b.Run("Dumper, another mark", func(b *testing.B) {
		d := newDumper(b, ns, Filter{Mark: 1, MarkMask: 0xff})
		b.ReportAllocs()
		for b.Loop() {
			stats, err := d.Dump(func([]accounting.Flow) {})
			if err != nil || stats.Flows != 0 {
				b.Fatal(stats, err)
			}
		}
	})
	b.Run("ti-mo", func(b *testing.B) {
		conn := dialOracle(b, n)
		b.ReportAllocs()
		for b.Loop() {
			all, err := conn.Dump(nil)
			if err != nil || len(all) != flows {
				b.Fatal(len(all), err)
			}
		}
	})
}

// receiveOnly asks for a dump and receives it up to NLMSG_DONE, which comes in
// a datagram of its own or ends the last one.
func receiveOnly(s *socket) error {
	_, err := s.Send(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK<<8 | msgGet, Flags: netlink.Request | netlink.Dump},
		Data:   Filter{}.request(),
	})
	for err == nil {
		var datagram []byte
		if datagram, err = s.wait(); err != nil {
			return err
		}
		for b := datagram; len(b) > 0; {
			if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_DONE {
				return nil
			}
			b = b[min(align(int(binary.NativeEndian.Uint32(b))), len(b)):]
		}
	}
	return err
}

func dialOracle(t testing.TB, n *testkit.Netns) *conntrack.Conn {
	t.Helper()
	var conn *conntrack.Conn
	require.NoError(t, n.Do(func() (err error) {
		conn, err = conntrack.Dial(nil)
		return err
	}))
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

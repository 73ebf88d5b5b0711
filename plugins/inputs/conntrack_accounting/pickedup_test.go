package conntrack_accounting

import (
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// stream opens a connection over which the server sends. It returns what has it send
// so many bytes, and what closes it.
func (l *lab) stream(from, to string) (send func(bytes int), hangUp func()) {
	l.t.Helper()
	var client, server net.Conn
	require.NoError(l.t, l.ns.Do(func() error {
		listener, err := net.Listen("tcp", to)
		if err != nil {
			return err
		}
		defer func() { _ = listener.Close() }()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, KeepAlive: -1}
		if client, err = dialer.Dial("tcp", to); err != nil {
			return err
		}
		server, err = listener.Accept()
		return err
	}))
	l.t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	send = func(bytes int) {
		l.t.Helper()
		_, err := server.Write(make([]byte, bytes))
		require.NoError(l.t, err)
		_, err = io.ReadFull(client, make([]byte, bytes))
		require.NoError(l.t, err)
		l.requireQuiet()
	}
	return send, func() {
		require.NoError(l.t, server.Close())
		require.NoError(l.t, client.Close())
		l.requireQuiet()
	}
}

// total is what all flows sent, whichever way round they are.
func total(sums map[string]testkit.Counter) (sum testkit.Counter) {
	for _, c := range sums {
		sum.Packets += c.Packets
		sum.Bytes += c.Bytes
	}
	return sum
}

// After a flush, conntrack takes a server that streams for the opener. That is logged,
// and turned on request, for all of the flow's life.
func TestPickedUpFlows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option   string
		source   []string
		from     string // "" for none
		pickedUp int
		refused  int
	}{
		"as seen":           {"as_seen", nil, "10.33.0.1", 1, 0},
		"as seen, left out": {"as_seen", []string{"10.32.0.0/16"}, "", 0, 1},
		"by port":           {"by_port", nil, "10.32.0.1", 1, 0},
		"by port, source":   {"by_port", []string{"10.32.0.0/16"}, "10.32.0.1", 1, 0},
	} {
		for _, end := range []string{"flush", "close", "unseen by dumps"} {
			t.Run(name+", "+end, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				state := filepath.Join(t.TempDir(), "state")
				set := func(p *Plugin) { p.PickedUpFlows, p.Source, p.StateFile = c.option, c.source, state }
				l.start(set)
				send, hangUp := l.stream("10.32.0.1", "10.33.0.1:80")
				send(10_000)
				l.flush()
				l.gather()
				l.requireOnly("tcp", "10.32.0.1", "10.33.0.1", "80")
				before := total(l.sum)

				send(20_000)
				if end != "unseen by dumps" {
					l.gather()
					l.requireFrom(c.from)
					require.EqualValues(t, c.pickedUp, l.internal["picked_up_flows"])
					require.EqualValues(t, c.refused, l.internal["picked_up_refused"])
					l.plugin.Stop()
					l.start(set)
					send(30_000)
					l.gather()
					l.requireFrom(c.from)
				}
				hangUp()
				if end != "close" {
					l.flush()
				}
				l.gather()
				if c.from != "" {
					l.requireFrom(c.from)
					require.Equal(t, total(l.counted()), total(l.sum))
				} else {
					require.Equal(t, before, total(l.sum))
				}
				if end != "unseen by dumps" {
					require.Len(t, l.log.with("connections midway"), 2, "once a start")
				}
				l.requireForgotten()
			})
		}
	}
}

// requireFrom requires that the last gather made one series, of the connection as
// somebody opened it, or none.
func (l *lab) requireFrom(opener string) {
	l.t.Helper()
	switch opener {
	case "":
		require.Empty(l.t, l.rows)
	case "10.32.0.1":
		l.requireOnly("tcp", opener, "10.33.0.1", "80")
	default:
		l.requireOnly("tcp", opener, "10.32.0.1", "-1")
	}
}

// What was opened before conntrack's eyes is not taken for picked up, liberal or not.
func TestSeenFlowsAreNotPickedUp(t *testing.T) {
	t.Parallel()
	for liberal := range 2 {
		l := newLab(t)
		l.ns.Sysctl(t, "net.netfilter.nf_conntrack_tcp_be_liberal", liberal)
		l.start()
		send, _ := l.stream("10.32.0.1", "10.33.0.1:80")
		send(1000)
		l.gather()
		require.EqualValues(t, 1, l.stats().Flows)
		require.Zero(t, l.stats().PickedUp)
	}
}

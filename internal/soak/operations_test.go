//go:build soak

package soak

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"telegraf-conntrack-accounting/internal/testkit"
)

// answerTime is how long an operation waits for an answer that may be lost.
const answerTime = 300 * time.Millisecond

// family and addresses choose who talks to whom.
func (w *worker) family() int { return w.rng.IntN(2) }

func (w *worker) client(family int) netip.Addr {
	return w.from.clients[family][w.rng.IntN(len(w.from.clients[family]))]
}

func (w *worker) server(family int) netip.Addr {
	return w.servers[family][w.rng.IntN(len(w.servers[family]))]
}

// size returns a size up to the limit, more often a small one.
func (w *worker) size(limit int) int { return w.rng.IntN(1 + w.rng.IntN(limit)) }

func (w *worker) dialTCP(ctx context.Context, port uint16) (*net.TCPConn, error) {
	family := w.family()
	dialer := net.Dialer{
		LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(w.client(family), 0)),
		Timeout:   5 * time.Second,
		KeepAlive: -1, // no packets of the kernel's own choice
	}
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(w.server(family), port).String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// tcpPort is one that is accounted apart or one that is not.
func (w *worker) tcpPort() uint16 { return 80 + uint16(w.rng.IntN(2)) }

func (w *worker) tcpShort(ctx context.Context) error {
	conn, err := w.dialTCP(ctx, w.tcpPort())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer end(ctx, conn)()
	return errors.Join(testkit.Transfer(conn, w.size(5_000), w.size(50_000)), testkit.HangUp(conn))
}

// tcpLong uses one of the worker's long connections.
func (w *worker) tcpLong(ctx context.Context) error {
	if len(w.long) < 4 {
		conn, err := w.dialTCP(ctx, w.tcpPort())
		if err != nil {
			return err
		}
		w.long = append(w.long, conn)
	}
	i := w.rng.IntN(len(w.long))
	conn := w.long[i]
	defer end(ctx, conn)()
	err := testkit.Transfer(conn, w.size(20_000), w.size(200_000))
	if err != nil {
		conn.Close()
		w.long = append(w.long[:i], w.long[i+1:]...)
	}
	return err
}

// tcpReset ends a connection with RST, in the middle of a transfer or after it.
func (w *worker) tcpReset(ctx context.Context) error {
	conn, err := w.dialTCP(ctx, w.tcpPort())
	if err != nil {
		return err
	}
	defer end(ctx, conn)()
	if w.rng.IntN(2) == 0 {
		err = testkit.Transfer(conn, w.size(5_000), w.size(5_000))
	} else {
		_, err = io.WriteString(conn, "1234")
	}
	return errors.Join(err, conn.SetLinger(0), conn.Close())
}

// tcpRefused knocks where nobody listens.
func (w *worker) tcpRefused(ctx context.Context) error {
	if conn, err := w.dialTCP(ctx, 82); err == nil {
		return errors.Join(errors.New("somebody answered"), conn.Close())
	}
	return nil
}

// tcpHalfOpen opens a connection and resets it when it is answered, as port
// scans do: the kernel knows nothing of the connection.
func (w *worker) tcpHalfOpen(ctx context.Context) error {
	family := w.family()
	from := netip.AddrPortFrom(w.client(family), uint16(20_000+w.rng.IntN(10_000)))
	to := netip.AddrPortFrom(w.server(family), w.tcpPort())
	conn, err := raw(tcp, from.Addr())
	if err != nil {
		return err
	}
	_, err = conn.WriteTo(synSegment(from, to), &net.IPAddr{IP: to.Addr().AsSlice()})
	return errors.Join(err, conn.Close())
}

// tcpUnanswered knocks where nobody is, and gives up before the second knock.
func (w *worker) tcpUnanswered(ctx context.Context) error {
	family := w.family()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(w.client(family), 0)), Timeout: 20 * time.Millisecond}
	if conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(w.to.void[family], 80).String()); err == nil {
		return errors.Join(errors.New("somebody answered"), conn.Close())
	}
	return nil
}

func (w *worker) udpReplied(context.Context) error {
	return w.echoUDP(1+w.rng.IntN(5), 1_400)
}

// udpFragments sends datagrams that are larger than the links' MTU.
func (w *worker) udpFragments(context.Context) error {
	return w.echoUDP(2, 30_000)
}

func (w *worker) echoUDP(count, limit int) error {
	family := w.family()
	from := netip.AddrPortFrom(w.client(family), 0)
	to := netip.AddrPortFrom(w.server(family), 53+uint16(w.rng.IntN(2)))
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return err
	}
	defer conn.Close()
	for range count {
		if err := exchange(conn, make([]byte, 1+w.size(limit))); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends a packet and waits for the answer.
func exchange(conn net.Conn, packet []byte) error {
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	conn.SetDeadline(time.Now().Add(answerTime))
	_, err := conn.Read(make([]byte, 65_536))
	return err
}

func (w *worker) udpUnreplied(context.Context) error {
	return w.sendUDP(100+w.rng.IntN(1_000), 100+w.rng.IntN(1_000))
}

// udpZones sends from one port datagrams that belong to two zones by their
// size, so that two flows have the same tuple.
func (w *worker) udpZones(context.Context) error {
	return w.sendUDP(100, 200, 100, 100)
}

func (w *worker) sendUDP(sizes ...int) error {
	family := w.family()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.client(family), 0)))
	if err != nil {
		return err
	}
	to := netip.AddrPortFrom(w.server(family), 9)
	for _, size := range sizes {
		_, e := conn.WriteToUDPAddrPort(make([]byte, size), to)
		err = errors.Join(err, e)
	}
	return errors.Join(err, conn.Close())
}

func (w *worker) ping(context.Context) error {
	family := w.family()
	conn, err := raw([]string{icmp, icmpv6}[family], w.client(family))
	if err != nil {
		return err
	}
	defer conn.Close()
	id, size := uint16(w.rng.Uint32()), w.size(2_000)
	to := &net.IPAddr{IP: w.server(family).AsSlice()}
	for sequence := range uint16(2) {
		_, e := conn.WriteTo(echoRequest(family, id, sequence, size), to)
		err = errors.Join(err, e)
	}
	return err
}

// echoRaw exchanges packets of a protocol, with a header of zeros of its own.
// It has no ports, so that flows behind NAT would get in each other's way: it
// keeps to the clients and servers that are not.
func (w *worker) echoRaw(proto string, header int) error {
	family := w.family()
	from, to := w.from.clients[family][w.rng.IntN(6)], w.to.servers[family][w.rng.IntN(4)]
	network := []string{"ip4:", "ip6:"}[family]
	conn, err := net.DialIP(network+proto, &net.IPAddr{IP: from.AsSlice()}, &net.IPAddr{IP: to.AsSlice()})
	if err != nil {
		return err
	}
	defer conn.Close()
	return exchange(conn, make([]byte, header+w.size(1_000)))
}

// sctp opens an association, sends a chunk of data and closes it.
func (w *worker) sctp(context.Context) error {
	family := w.family()
	from, to := w.client(family), w.server(family)
	network := []string{"ip4:", "ip6:"}[family]
	conn, err := net.DialIP(network+sctp, &net.IPAddr{IP: from.AsSlice()}, &net.IPAddr{IP: to.AsSlice()})
	if err != nil {
		return err
	}
	defer conn.Close()
	packets := sctpTalk(uint16(1_024+w.rng.IntN(60_000)), w.size(1_000))
	for i, packet := range packets {
		if i == len(packets)-1 {
			_, err = conn.Write(packet)
		} else {
			err = exchange(conn, packet)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// patience bounds every step of a transfer, so that a broken path fails a
// test instead of hanging it.
const patience = 20 * time.Second

// ServeTCP serves transfers (see Transfer) at an address of the namespace
// until the test ends.
func (n *Netns) ServeTCP(t testing.TB, addr string) {
	t.Helper()
	var listener net.Listener
	err := n.Do(func() (err error) {
		listener, err = net.Listen("tcp", addr)
		return err
	})
	if err != nil {
		t.Fatalf("serving TCP at %s: %v", addr, err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for { // until the listener is closed
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				for serveTransfer(conn) == nil { // until the client closes
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
}

// serveTransfer reads how much to take and how much to give back, and does so.
func serveTransfer(conn net.Conn) error {
	var sizes [8]byte
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, sizes[:]); err != nil {
		return err
	}
	up, down := binary.BigEndian.Uint32(sizes[:4]), binary.BigEndian.Uint32(sizes[4:])
	if _, err := io.CopyN(io.Discard, conn, int64(up)); err != nil {
		return err
	}
	_, err := io.CopyN(conn, zeros{}, int64(down))
	return err
}

// Transfer sends up bytes to a server of ServeTCP and reads down bytes back.
func Transfer(conn net.Conn, up, down int) error {
	sizes := binary.BigEndian.AppendUint32(nil, uint32(up))
	sizes = binary.BigEndian.AppendUint32(sizes, uint32(down))
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(sizes); err != nil {
		return err
	}
	if _, err := io.CopyN(conn, zeros{}, int64(up)); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, conn, int64(down))
	return err
}

// DialTCP connects from an address of the namespace, with a port of the
// kernel's choice, and closes the connection when the test ends.
func (n *Netns) DialTCP(t testing.TB, from, to string) net.Conn {
	t.Helper()
	var conn net.Conn
	err := n.Do(func() (err error) {
		conn, err = dial("tcp", from, to)
		return err
	})
	if err != nil {
		t.Fatalf("connecting from %s to %s: %v", from, to, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TCP opens a connection, transfers and closes it, count times in a row, from
// inside the namespace.
func (n *Netns) TCP(from, to string, count, up, down int) error {
	return n.Do(func() error {
		for range count {
			conn, err := dial("tcp", from, to)
			if err != nil {
				return err
			}
			if err := errors.Join(Transfer(conn, up, down), HangUp(conn)); err != nil {
				return fmt.Errorf("transfer from %s to %s: %w", from, to, err)
			}
		}
		return nil
	})
}

// HangUp closes the connection once the other side has closed too, so that
// all of its packets are on their way before it returns.
func HangUp(conn net.Conn) error {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, conn)
	return errors.Join(err, conn.Close())
}

func dial(network, from, to string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience}
	ip, err := netip.ParseAddr(from)
	if err != nil {
		return nil, err
	}
	if network == "tcp" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
	} else {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
	}
	return dialer.Dial(network, to)
}

// EchoUDP sends every datagram back to where it came from until the test ends.
func (n *Netns) EchoUDP(t testing.TB, addr string) {
	t.Helper()
	conn := n.ListenUDP(t, addr)
	var echoing sync.WaitGroup
	echoing.Go(func() {
		buffer := make([]byte, 65_536)
		for { // until the socket is closed
			size, peer, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(buffer[:size], peer)
		}
	})
	t.Cleanup(func() {
		conn.Close()
		echoing.Wait()
	})
}

// ListenUDP opens a UDP socket in the namespace, which takes datagrams so that
// no ICMP error answers them, and closes it when the test ends.
func (n *Netns) ListenUDP(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := n.Do(func() error {
		at, err := netip.ParseAddrPort(addr)
		if err != nil {
			return err
		}
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err
	})
	if err != nil {
		t.Fatalf("opening a UDP socket at %s: %v", addr, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// UDP sends count datagrams from a socket of its own to an EchoUDP and waits
// for each to come back.
func (n *Netns) UDP(from, to string, count, size int) error {
	return n.Do(func() error {
		conn, err := dial("udp", from, to)
		if err != nil {
			return err
		}
		defer conn.Close()
		buffer := make([]byte, size)
		for range count {
			conn.SetDeadline(time.Now().Add(patience))
			if _, err := conn.Write(buffer); err != nil {
				return err
			}
			if _, err := conn.Read(buffer); err != nil {
				return fmt.Errorf("echo from %s to %s: %w", to, from, err)
			}
		}
		return nil
	})
}

// Spray sends a datagram to each of count addresses from first on, all at the
// same port: as many flows, as fast as the kernel makes them.
func Spray(conn *net.UDPConn, first netip.Addr, port uint16, count, size int) error {
	payload, to := make([]byte, size), first
	for range count {
		if _, err := conn.WriteToUDPAddrPort(payload, netip.AddrPortFrom(to, port)); err != nil {
			return fmt.Errorf("sending to %s: %w", to, err)
		}
		to = to.Next()
	}
	return nil
}

// zeros is an endless payload.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

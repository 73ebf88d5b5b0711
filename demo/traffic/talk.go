package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// patience is how long to wait for the other side.
const patience = 5 * time.Second

// headerLen is the length of what a request begins with: how many bytes follow
// it, and how many the server shall send back (4 bytes each).
const headerLen = 8

// talk keeps one conversation per client, server of the same family and
// service going, until ctx ends.
func talk(ctx context.Context, clients, servers []netip.Addr) error {
	var conversations sync.WaitGroup
	for _, client := range clients {
		for _, server := range servers {
			if client.Is4() != server.Is4() {
				continue
			}
			for _, s := range services() {
				conversations.Go(func() { converse(ctx, client, server, s) })
			}
		}
	}
	conversations.Wait()
	return nil
}

// converse opens one connection after the other, with pauses between them; the
// pauses are random, so that the conversations do not run in step.
func converse(ctx context.Context, client, server netip.Addr, s service) {
	for pause(ctx, s.period/2+rand.N(s.period)) {
		if err := visit(ctx, client, server, s); err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "traffic: %s to %s port %d/%s: %v\n", client, server, s.port, s.network, err)
		}
	}
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// visit is one connection, from opening to closing it.
func visit(ctx context.Context, client, server netip.Addr, s service) error {
	conn, err := dial(ctx, client, server, s)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// Closing the connection is what ends a read.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	for range s.exchanges {
		if err := exchange(conn, s); err != nil {
			return err
		}
	}
	pause(ctx, s.hold)
	return nil
}

func dial(ctx context.Context, client, server netip.Addr, s service) (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience}
	if s.network == "udp" {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(client, 0))
	} else {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(client, 0))
	}
	return dialer.DialContext(ctx, s.network, netip.AddrPortFrom(server, s.port).String())
}

// exchange sends a request and reads its answer.
func exchange(conn net.Conn, s service) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	request := make([]byte, headerLen+rand.N(s.up))
	answer := make([]byte, 1+rand.N(s.down))
	if s.network == "udp" {
		request = request[:min(len(request), maxDatagram)]
		answer = answer[:min(len(answer), maxDatagram)]
	}
	binary.BigEndian.PutUint32(request, uint32(len(request)-headerLen))
	binary.BigEndian.PutUint32(request[4:], uint32(len(answer)))
	if _, err := conn.Write(request); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, answer)
	return err
}

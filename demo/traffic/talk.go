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

// converse does exchanges with pauses between them; the pauses are random, so
// that the conversations do not run in step.
func converse(ctx context.Context, client, server netip.Addr, s service) {
	for {
		pause := s.period/2 + rand.N(s.period)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := exchange(ctx, client, server, s); err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "traffic: %s to %s port %d/%s: %v\n", client, server, s.port, s.network, err)
		}
	}
}

func exchange(ctx context.Context, client, server netip.Addr, s service) error {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if s.network == "udp" {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(client, 0))
	} else {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(client, 0))
	}
	conn, err := dialer.DialContext(ctx, s.network, netip.AddrPortFrom(server, s.port).String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}

	up, down := headerLen+rand.N(s.up), headerLen+rand.N(s.down)
	if s.network == "udp" {
		up, down = min(up, maxDatagram), min(down, maxDatagram)
	}
	request := make([]byte, up)
	binary.BigEndian.PutUint32(request, uint32(up-headerLen))
	binary.BigEndian.PutUint32(request[4:], uint32(down))
	if _, err := conn.Write(request); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, down))
	return err
}

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxAnswer = 1 << 20          // what one request can ask for
	maxIdle   = 30 * time.Second // how long a client may be silent
)

// serve answers on every service's port of each address, until ctx ends. One
// socket for all addresses would answer a datagram from the wrong one.
func serve(ctx context.Context, own []netip.Addr) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var servers sync.WaitGroup
	defer servers.Wait()
	for _, addr := range own {
		for _, s := range services() {
			run := serveTCP
			if s.network == "udp" {
				run = serveUDP
			}
			servers.Go(func() {
				if err := run(ctx, netip.AddrPortFrom(addr, s.port).String()); err != nil {
					cancel(fmt.Errorf("serving port %d/%s: %w", s.port, s.network, err))
				}
			})
		}
	}

	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func serveTCP(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	// Closing the listener is what ends Accept.
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()

	var answers sync.WaitGroup
	defer answers.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		answers.Go(func() {
			defer func() { _ = conn.Close() }()
			// Closing the connection is what ends a read.
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			for answerTCP(conn) == nil { // until the client closes
			}
		})
	}
}

// answerTCP answers one request; an error is how a connection ends.
func answerTCP(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(maxIdle)); err != nil {
		return err
	}
	var header [headerLen]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return err
	}
	up, down := parse(header[:])
	if _, err := io.CopyN(io.Discard, conn, up); err != nil {
		return err
	}
	_, err := conn.Write(make([]byte, down))
	return err
}

func serveUDP(ctx context.Context, address string) error {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	buffer := make([]byte, maxDatagram)
	for {
		n, client, err := conn.ReadFrom(buffer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if n < headerLen {
			continue
		}
		_, down := parse(buffer)
		_, _ = conn.WriteTo(make([]byte, min(down, maxDatagram)), client) // a client that left does not matter
	}
}

// parse returns how many bytes follow a request's header and how many to send
// back.
func parse(header []byte) (up, down int64) {
	up = int64(binary.BigEndian.Uint32(header))
	down = int64(binary.BigEndian.Uint32(header[4:]))
	return up, min(down, maxAnswer)
}

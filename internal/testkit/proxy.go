package testkit

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy passes TCP connections on to a server, and can fail like a network.
type Proxy struct {
	target   string // a unix socket
	listener net.Listener
	passing  sync.WaitGroup

	mu    sync.Mutex
	tap   Tap
	conns map[net.Conn]bool
}

// Tap sees what goes up to the server or down from it, and says how many bytes
// of it to pass. When those are fewer than there are, the connection is reset.
// It is called for one piece at a time.
type Tap func(up bool, data []byte) (pass int)

// NewProxy listens at a loopback address, for a server that listens at a unix
// socket, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return proxy(t, listener, target)
}

// Proxy is NewProxy at an address of the namespace, which reaches unix sockets of others.
func (n *Netns) Proxy(t testing.TB, addr, target string) *Proxy {
	t.Helper()
	var listener net.Listener
	require.NoError(t, n.Do(func() (err error) {
		listener, err = net.Listen("tcp", addr)
		return err
	}))
	return proxy(t, listener, target)
}

func proxy(t testing.TB, listener net.Listener, target string) *Proxy {
	p := &Proxy{target: target, listener: listener, conns: make(map[net.Conn]bool)}
	p.passing.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.Cut()
		p.passing.Wait()
	})
	return p
}

// Addr returns where to connect.
func (p *Proxy) Addr() (host, port string) {
	host, port, _ = net.SplitHostPort(p.listener.Addr().String())
	return host, port
}

// Watch has all traffic go by a tap; nil ends that.
func (p *Proxy) Watch(tap Tap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tap = tap
}

// Cut resets all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		reset(conn)
	}
}

func (p *Proxy) accept() {
	for { // until the listener is closed
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.target)
		if err != nil {
			reset(client)
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.passing.Go(func() { p.pass(true, client, server) })
		p.passing.Go(func() { p.pass(false, server, client) })
	}
}

// pass passes on what comes from one side to the other, until one ends.
func (p *Proxy) pass(up bool, from, to net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		pass := p.ask(up, buffer[:n])
		if _, writeErr := to.Write(buffer[:pass]); writeErr != nil {
			err = writeErr
		}
		if err == nil && pass == n {
			continue
		}
		if errors.Is(err, io.EOF) {
			from.Close()
			to.Close()
		}
		p.mu.Lock()
		delete(p.conns, from)
		p.mu.Unlock()
		reset(from)
		reset(to)
		return
	}
}

func (p *Proxy) ask(up bool, data []byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tap == nil || len(data) == 0 {
		return len(data)
	}
	return min(max(p.tap(up, data), 0), len(data))
}

// reset closes a connection so that the other side learns it from a RST.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

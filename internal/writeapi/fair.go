package writeapi

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/influxdata/telegraf"
)

// ofAddress is how many connections of a listener one address can have: somebody who sends
// nothing, or only asks for /ping, must not keep the others out.
const ofAddress = connections / 8

var errConnections = errors.New("too many connections at once: further ones are closed")

// fairListener closes the connections that an address has too many of.
type fairListener struct {
	net.Listener
	each     *tally
	troubles *troubles
}

func newFairListener(l net.Listener, log telegraf.Logger) *fairListener {
	return &fairListener{l, newTally(ofAddress), newTroubles(log)}
}

// Accept waits for the next connection of an address that may have it.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		key := network(conn.RemoteAddr())
		if l.each.add(key) {
			return &countedConn{conn, sync.OnceFunc(func() { l.each.remove(key) })}, nil
		}
		_ = conn.Close()
		l.troubles.log("client at "+key, errConnections)
	}
}

// network returns the address of a client, or its network where it has all of one: IPv6
// gives a machine a /64.
func network(at net.Addr) string {
	address, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return at.String()
	}
	ip := address.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // which an IPv6 address has
	return prefix.String()
}

// countedConn is counted until it is closed.
type countedConn struct {
	net.Conn
	done func()
}

// Close may be called again.
func (c *countedConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}

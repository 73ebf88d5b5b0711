package pgconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// connector connects to the first of its hosts that takes rows. lib/pq can try
// several hosts too, but decides by the first of them whether any is reached
// with TLS, and does not tell by type why it connects to none.
type connector struct {
	hosts  []pq.Config
	random bool // the order
	accept acceptance
	last   atomic.Pointer[string] // the place of the last connection
}

// acceptance is what a server must be like.
type acceptance int

const (
	anyServer acceptance = iota
	primary              // not a standby
	writable             // a primary that is not read-only by default, either
)

// newConnector resolves a dsn. What it leaves out comes from the service, and
// what that leaves out from the environment.
func newConnector(dsn string) (*connector, error) {
	given, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if err := given.addService(); err != nil {
		return nil, err
	}
	if err := given.passOver(); err != nil {
		return nil, err
	}
	hosts, err := given.hosts()
	if err != nil {
		return nil, err
	}
	base, err := given.config()
	if err != nil {
		return nil, err
	}
	c := &connector{random: base.LoadBalanceHosts == pq.LoadBalanceHostsRandom}
	if c.accept, err = acceptanceOf(base.TargetSessionAttrs, len(hosts)); err != nil {
		return nil, err
	}
	base.TargetSessionAttrs = pq.TargetSessionAttrsAny // we look ourselves
	for _, host := range hosts {
		config := base.Clone()
		config.Host, config.Hostaddr, config.Port = host.name, host.addr, host.port
		if host.isSocket() {
			config.SSLMode = pq.SSLModeDisable
		}
		c.hosts = append(c.hosts, config)
	}
	return c, nil
}

// config returns what all hosts share.
func (p parameters) config() (pq.Config, error) {
	shared := make(parameters)
	for keyword, value := range p {
		if keyword != "host" && keyword != "hostaddr" && keyword != "port" {
			shared[keyword] = value
		}
	}
	// lib/pq would look for the service again, and turn off TLS for a socket.
	shared["service"], shared["host"] = "", "localhost"
	// A statement goes out at once with its parameters: between two messages a
	// pool may give the connection to somebody else.
	shared["binary_parameters"] = "yes"
	config, err := pq.NewConfig(shared.String())
	if err != nil {
		return config, err
	}
	config.Multi = nil // of PGHOST
	if config.Database == "" {
		config.Database = config.User
	}
	return config, nil
}

func acceptanceOf(wanted pq.TargetSessionAttrs, hosts int) (acceptance, error) {
	switch {
	case wanted == pq.TargetSessionAttrsReadWrite, wanted == "" && hosts > 1:
		return writable, nil
	case wanted == pq.TargetSessionAttrsPrimary:
		return primary, nil
	case wanted == pq.TargetSessionAttrsAny, wanted == "":
		return anyServer, nil
	}
	return 0, fmt.Errorf("target_session_attrs=%s is for readers: rows can be written with read-write, primary or any", wanted)
}

const defaultPort = 5432

// host is one of those that may take rows.
type host struct {
	name string
	addr netip.Addr // where there is no need to resolve the name
	port uint16
}

func (h host) isSocket() bool {
	return !h.addr.IsValid() && (filepath.IsAbs(h.name) || strings.HasPrefix(h.name, "@"))
}

// hosts returns the hosts that the parameters, or else the environment, list.
func (p parameters) hosts() ([]host, error) {
	names, addrs, ports := p.list("host", "PGHOST"), p.list("hostaddr", "PGHOSTADDR"), p.list("port", "PGPORT")
	count := max(len(names), len(addrs), 1)
	if len(names) > 0 && len(addrs) > 0 && len(names) != len(addrs) {
		return nil, fmt.Errorf("%d in host, but %d in hostaddr", len(names), len(addrs))
	}
	if len(ports) > 1 && len(ports) != count {
		return nil, fmt.Errorf("%d hosts, but %d in port", count, len(ports))
	}
	all := make([]host, count)
	for i := range all {
		h := host{name: at(names, i), port: defaultPort}
		if text := at(addrs, i); text != "" {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("hostaddr %q is not an IP address", text)
			}
			h.addr = addr
		}
		if h.name == "" && h.addr.IsValid() {
			h.name = h.addr.String() // which the certificate and .pgpass then have
		} else if h.name == "" {
			h.name = "localhost"
		}
		if text := at(ports, min(i, len(ports)-1)); text != "" {
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil || port == 0 {
				return nil, fmt.Errorf("port %q is not 1 to 65535", text)
			}
			h.port = uint16(port)
		}
		all[i] = h
	}
	return all, nil
}

// list returns the items of a parameter, or else of an environment variable.
func (p parameters) list(keyword, variable string) []string {
	text, given := p[keyword]
	if !given {
		text = os.Getenv(variable)
	}
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// at returns the item of a list that may have none.
func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return list[i]
}

// Connect returns a connection to the first host that is as it must be.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	hosts := slices.Clone(c.hosts)
	if c.random {
		rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	}
	var failed connectError
	for _, config := range hosts {
		conn, err := connect(ctx, config, c.accept)
		place := placeOf(&config)
		if err == nil {
			c.last.Store(&place)
			return conn, nil
		}
		failed = append(failed, hostError{place, err})
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// placeOf names a database and who we are there, as "vpn at db.example:5432 as
// vpn_traffic_writer".
func placeOf(config *pq.Config) string {
	at := config.Host
	if !strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "@") {
		at = net.JoinHostPort(at, strconv.Itoa(int(config.Port)))
	} else if config.Port != defaultPort {
		at += ", port " + strconv.Itoa(int(config.Port))
	}
	return fmt.Sprintf("%s at %s as %s", config.Database, at, config.User)
}

// Driver returns lib/pq's.
func (*connector) Driver() driver.Driver { return pq.Driver{} }

func connect(ctx context.Context, config pq.Config, accept acceptance) (*session, error) {
	loose := avoidLoosePassfile(&config)
	one, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	one.Dialer(newDialer())
	conn, err := one.Connect(ctx)
	if refusal := pq.As(err); refusal != nil && refusal.Code.Class() == pqerror.ClassInvalidAuthorizationSpecification {
		return nil, errors.Join(err, loose)
	}
	if err != nil {
		return nil, err
	}
	s, err := newSession(conn)
	if err != nil {
		return nil, err
	}
	if err := accept.check(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// check returns an error when the server is not as it must be.
func (a acceptance) check(ctx context.Context, s *session) error {
	if a == anyServer {
		return nil
	}
	found, err := s.queryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'`)
	switch {
	case err != nil:
		return err
	case found[0] == true:
		return errStandby
	case found[1] == true && a == writable:
		return errReadOnly
	}
	return nil
}

// queryRow returns the two columns of the one row that a query has.
func (s *session) queryRow(ctx context.Context, statement string) (found [2]driver.Value, err error) {
	rows, err := s.QueryContext(ctx, statement, nil)
	if err != nil {
		return found, err
	}
	err = rows.Next(found[:])
	if closeErr := rows.Close(); err == nil || errors.Is(err, io.EOF) {
		err = closeErr
	}
	return found, err
}

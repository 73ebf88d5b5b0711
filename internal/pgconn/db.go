package pgconn

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DB is a database that rows can be written to. Its methods may be called at once.
type DB struct {
	Pool      *sql.DB
	connector *connector
}

// Open prepares the use of the database that dsn names, as libpq keywords or
// as a URL; what it leaves out comes from a service file, the PG* environment
// variables and .pgpass. Open does not connect: it fails only when dsn is
// malformed.
func Open(dsn string) (*DB, error) {
	c, err := newConnector(dsn)
	if unsupported, ok := errors.AsType[*unsupportedError](err); ok {
		return nil, unsupported
	}
	if err != nil {
		return nil, fmt.Errorf("malformed dsn: %s", redact(err))
	}
	for i := range c.hosts {
		if c.hosts[i].ConnectTimeout == 0 {
			c.hosts[i].ConnectTimeout = 10 * time.Second
		}
		if c.hosts[i].ApplicationName == "" {
			c.hosts[i].ApplicationName = "psql-sink"
		}
	}
	db := &DB{Pool: sql.OpenDB(c), connector: c}
	db.Pool.SetMaxIdleConns(maxIdle)
	db.Pool.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// maxIdle is how many connections wait for the next import, at the most: more than
// there are importers. They end after a minute.
const maxIdle = 32

// AfterError takes from an error what it says about the database. When it takes no
// rows, the next attempt makes a new connection: perhaps to another host, to
// which the role of the primary has gone.
func (db *DB) AfterError(err error) {
	if ClassOf(err) == Retry && !IsMomentary(err) {
		db.Pool.SetMaxIdleConns(0) // which closes them
		db.Pool.SetMaxIdleConns(maxIdle)
	}
}

// Ping returns nil when the database can be reached, or else why not, which
// errors of a connection that broke often do not tell.
func (db *DB) Ping(ctx context.Context) error { return db.Pool.PingContext(ctx) }

// Place says where the last connection went to, as "vpn at db.example:5432 as
// vpn_traffic_writer"; "" before there was one.
func (db *DB) Place() string {
	if place := db.connector.last.Load(); place != nil {
		return *place
	}
	return ""
}

// Close closes the connections.
func (db *DB) Close() error { return db.Pool.Close() }

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// redact returns what an error about a dsn says without quoting the dsn, of
// which any piece may be of a password.
func redact(err error) string {
	return quoted.ReplaceAllString(err.Error(), `"…"`)
}

// dialer is a net.Dialer in the form that lib/pq takes.
type dialer struct{ net.Dialer }

func newDialer() *dialer { return &dialer{net.Dialer{Control: limitSilence}} }

func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// limitSilence makes a write fail when the server's machine has not
// acknowledged it for long: without it a machine that lost its power in the
// middle of a COPY would hold us for a quarter of an hour.
func limitSilence(network, _ string, conn syscall.RawConn) error {
	const silence = 30 * time.Second
	if network != "tcp4" && network != "tcp6" {
		return nil
	}
	var err error
	control := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	return errors.Join(control, err)
}

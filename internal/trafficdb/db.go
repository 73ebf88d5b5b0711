package trafficdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/lib/pq"
	"golang.org/x/sys/unix"
)

// DB is the traffic database. Its methods may be called at once.
type DB struct {
	pool *sql.DB

	mu    sync.Mutex
	days  map[int64]bool // days since the epoch whose partitions are known to be there
	names map[name]bool  // names that are known to be stored
}

// Open prepares the use of the database that dsn names, as libpq keywords or
// as a URL; what it leaves out comes from the PG* environment variables, a
// service file and .pgpass. Open does not connect: it fails only when dsn is
// malformed.
func Open(dsn string) (*DB, error) {
	config, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("malformed dsn: %s", redact(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if config.ApplicationName == "" {
		config.ApplicationName = "psql-sink"
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("malformed dsn: %s", redact(err))
	}
	connector.Dialer(&dialer{net.Dialer{Control: limitSilence}})
	pool := sql.OpenDB(connector)
	pool.SetMaxIdleConns(2)
	pool.SetConnMaxIdleTime(time.Minute)
	return &DB{pool: pool, days: make(map[int64]bool), names: make(map[name]bool)}, nil
}

// Ping returns nil when the database can be reached, or else why not, which
// errors of a connection that broke often do not tell.
func (db *DB) Ping(ctx context.Context) error { return db.pool.PingContext(ctx) }

// Close closes the connections.
func (db *DB) Close() error { return db.pool.Close() }

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// redact returns what an error about a dsn says without quoting the dsn, of
// which any piece may be of a password.
func redact(err error) string {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // the outer one quotes the whole URL
	}
	return quoted.ReplaceAllString(err.Error(), `"…"`)
}

// dialer is a net.Dialer in the form that lib/pq takes.
type dialer struct{ net.Dialer }

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

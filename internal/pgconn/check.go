package pgconn

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/check"
)

// checkTimeout is how long a host may take to let us in when somebody waits for it.
const checkTimeout = 3 * time.Second

// reply is what a host said.
type reply struct {
	config    *pq.Config
	encrypted bool
	err       error // why it takes no rows
}

// CheckHosts asks all hosts at once whether they take rows, and whether TLS keeps the
// way there. From then on db connects to no host but the first that does; it reports
// whether there is one.
func (db *DB) CheckHosts(ctx context.Context) (findings []check.Finding, takesRows bool) {
	replies := db.connector.askAll(ctx)
	var good *reply
	for i := range replies {
		if replies[i].err == nil {
			good = &replies[i]
			break
		}
	}
	for i := range replies {
		findings = append(findings, replies[i].finding(good))
	}
	if good == nil {
		return findings, false
	}
	db.connector.hosts = []pq.Config{*good.config}
	return append(findings, good.tls()), true
}

func (c *connector) askAll(ctx context.Context) []reply {
	replies := make([]reply, len(c.hosts))
	var asking sync.WaitGroup
	for i := range c.hosts {
		config := c.hosts[i].Clone()
		config.ConnectTimeout = checkTimeout
		asking.Go(func() { replies[i] = ask(ctx, &config) })
	}
	asking.Wait()
	return replies
}

func ask(ctx context.Context, config *pq.Config) reply {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn, err := connect(ctx, *config, writable)
	if err != nil {
		return reply{config: config, err: err}
	}
	defer func() { _ = conn.Close() }()
	encrypted := config.SSLMode != pq.SSLModeDisable
	if config.SSLMode == pq.SSLModePrefer || config.SSLMode == pq.SSLModeAllow { // it depends
		found, err := conn.queryRow(ctx, `SELECT ssl, pid FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)
		encrypted = err == nil && found[0] == true
	}
	return reply{config: config, encrypted: encrypted}
}

// finding tells what the host said; good is that of the host that rows go to, nil for
// none.
func (r *reply) finding(good *reply) check.Finding {
	place := placeOf(r.config)
	switch {
	case r == good:
		return check.Okf("host", "rows go to %s", place)
	case r.err == nil:
		return check.Okf("host", "%s takes rows, too", place)
	case good != nil && errors.Is(r.err, errStandby):
		return check.Okf("host", "%s stands by: %v", place, r.err)
	case good != nil:
		return r.withRemedy(check.Warnf("host", "%s: %s", place, oneLine(r.err)))
	}
	return r.withRemedy(check.Failf("host", "%s: %s", place, oneLine(r.err)))
}

// tls tells what keeps others from reading rows on their way, or posing as the server.
func (r *reply) tls() check.Finding {
	mode := string(r.config.SSLMode)
	switch at := (host{name: r.config.Host, addr: r.config.Hostaddr}); {
	case at.isSocket():
		return check.Okf("tls", "a unix socket needs no TLS")
	case at.isLoopback():
		return check.Okf("tls", "the server is on this machine")
	case !r.encrypted:
		return check.Warnf("tls", "rows and passwords cross the network in the clear (sslmode=%s)", mode).
			Do("switch on ssl in postgresql.conf, and put sslmode=verify-full into dsn")
	case mode == string(pq.SSLModeVerifyCA), mode == string(pq.SSLModeVerifyFull):
		return check.Okf("tls", "TLS, and the server's certificate is verified (sslmode=%s)", mode)
	}
	return check.Warnf("tls", "TLS, but nobody verifies the server's certificate (sslmode=%s): who is on the way can pose as the server", mode).
		Do("put sslmode=verify-full and the sslrootcert that signed it into dsn")
}

func (h host) isLoopback() bool {
	addr := h.addr.String()
	if !h.addr.IsValid() {
		addr = h.name
	}
	ip := net.ParseIP(addr)
	return addr == "localhost" || ip != nil && ip.IsLoopback()
}

// Admin returns the beginning of a shell's command that runs one of Postgres's tools,
// such as psql, as an administrator of the server.
func (db *DB) Admin(tool string) string { return adminTool(&db.connector.hosts[0], tool) }

// AsAdmin returns a command as an administrator of the server runs it.
func (db *DB) AsAdmin(command string) string { return asAdmin(&db.connector.hosts[0], command) }

func adminTool(config *pq.Config, tool string) string {
	return asAdmin(config, tool+" -h "+check.Quote(config.Host)+" -p "+strconv.Itoa(int(config.Port))+" -U postgres")
}

// asAdmin: over a socket the server mostly asks the kernel who comes.
func asAdmin(config *pq.Config, command string) string {
	if (host{name: config.Host, addr: config.Hostaddr}).isSocket() {
		return "runuser -u postgres -- " + command
	}
	return command
}

// OwnerDSN returns a dsn for the database as an administrator who steps into a role.
func (db *DB) OwnerDSN(role string) string {
	config := &db.connector.hosts[0]
	words := []string{"host=" + config.Host}
	if config.Port != defaultPort {
		words = append(words, "port="+strconv.Itoa(int(config.Port)))
	}
	return strings.Join(append(words, "dbname="+config.Database, "user=postgres", "role="+role), " ")
}

// Database returns the name of the database.
func (db *DB) Database() string { return db.connector.hosts[0].Database }

// withRemedy adds what to do about why a host takes no rows.
func (r *reply) withRemedy(f check.Finding) check.Finding {
	switch {
	case isReadOnly(r.err):
		return f.Do("name the primary in dsn, or end its default_transaction_read_only")
	case isUntrusted(r.err):
		return f.Do("check sslmode and sslrootcert in dsn, and the certificate of the server")
	case pq.As(r.err, pqerror.InvalidCatalogName) != nil:
		return f.Do("make the database, or mend dbname in dsn").
			Run("%s --template=template0 --encoding=UTF8 %s", adminTool(r.config, "createdb"), check.Quote(r.config.Database))
	case pq.As(r.err, pqerror.InvalidAuthorizationSpecification, pqerror.InvalidPassword) != nil:
		return r.withRole(f)
	case pq.As(r.err, pqerror.TooManyConnections) != nil:
		return f.Do("raise max_connections in postgresql.conf, or the role's CONNECTION LIMIT")
	case strings.Contains(r.err.Error(), "unsupported startup parameter"):
		return f.Do("leave role, search_path and options out of dsn: pgbouncer does not pass them on")
	}
	return f.Do("check host and port in dsn, and whether Postgres runs there").
		Run("pg_isready -h %s -p %s", check.Quote(r.config.Host), strconv.Itoa(int(r.config.Port)))
}

// installed returns where a file is that was installed with this program: below /usr by a
// package, below /usr/local from source.
func installed(file string) string {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/bin/psql-sink"
	}
	return filepath.Join(filepath.Dir(program), "..", "share", "telegraf-conntrack-accounting", file)
}

// withRole adds what to do where the role is not let in.
func (r *reply) withRole(f check.Finding) check.Finding {
	if strings.Contains(r.err.Error(), "does not exist") {
		return f.Do("mend user in dsn, or make the roles").
			Run("%s -d %s -f %s", adminTool(r.config, "psql"), check.Quote(r.config.Database), check.Quote(installed("roles.sql")))
	}
	return f.Do("let pg_hba.conf, and pg_ident.conf for peer, say how the role logs in; the password is in .pgpass (PGPASSFILE) or a service file")
}

package testkit

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

// PG is a database of one test's own, on a PostgreSQL server of its own or on one
// that tests share.
type PG struct {
	t        testing.TB
	dir      string
	addr     string // where it listens, besides its unix socket; "" for nowhere
	cred     *syscall.Credential
	server   *exec.Cmd // nil when it is stopped, or shared
	guard    io.Closer
	log      string
	database string
	pool     *sql.DB // of the database
}

// PGSetup says how a server is to be made.
type PGSetup struct {
	Settings []string // as "fsync=on": they come last and win
	TCP      bool     // listen on a loopback address of its own, too
	Cert     *Cert    // the server's, for TLS; it asks clients for one of the same CA
	HBA      []string // lines of pg_hba.conf, for all but the superuser at the unix socket
	Folder   string   // where to put the data; "" for a folder of its own
}

// Postgres makes a fresh cluster with a database named vpn and starts it, for tests
// that stop their server or change what databases share: settings, roles. For all
// others there is Database, which takes a tenth of the time. The server is
// reached by a unix socket only, and does not sync to disk, which no test that
// kills processes (and not the machine) can notice.
func Postgres(t testing.TB, settings ...string) *PG {
	t.Helper()
	return PGSetup{Settings: settings}.Start(t)
}

// Start makes a fresh cluster with a database named vpn and starts it.
func (s PGSetup) Start(t testing.TB) *PG {
	t.Helper()
	p := s.start(t)
	t.Cleanup(p.remove)
	p.create("")
	return p
}

func (s PGSetup) start(t testing.TB) *PG {
	t.Helper()
	Need(t, "initdb", "postgres")
	p := newPG(t, s)
	p.initialize()
	// What a server that is killed leaves goes with its folder: not in /dev/shm.
	p.configure(s, "fsync=off", "full_page_writes=off", "dynamic_shared_memory_type=mmap",
		"max_connections=50", "shared_buffers=64MB", "logging_collector=off")
	p.Start()
	return p
}

// create makes the database, as a copy of another if that has a name.
func (p *PG) create(like string) {
	p.t.Helper()
	statement := "CREATE DATABASE " + p.database
	if like != "" {
		statement += " TEMPLATE " + like + " STRATEGY file_copy"
	}
	admin := p.open("postgres")
	defer func() { _ = admin.Close() }()
	_, err := admin.Exec(statement)
	require.NoError(p.t, err)
}

func newPG(t testing.TB, s PGSetup) *PG {
	t.Helper()
	// Not t.TempDir: a socket's path must stay below 108 bytes.
	dir, err := os.MkdirTemp(s.Folder, "pg")
	require.NoError(t, err)
	p := &PG{t: t, dir: dir, cred: postgresUser(t), log: filepath.Join(dir, "log")}
	require.NoError(t, os.Chown(dir, int(p.cred.Uid), int(p.cred.Gid)))
	p.use("vpn")
	p.startGuard()
	if s.TCP {
		p.addr = loopback()
	}
	return p
}

// configure appends to what initdb, or another server, has configured.
func (p *PG) configure(s PGSetup, settings ...string) {
	p.t.Helper()
	settings = append(settings, "unix_socket_directories="+p.dir, "listen_addresses="+p.addr)
	settings = append(settings, p.secure(s)...)
	var conf bytes.Buffer
	for _, setting := range append(settings, s.Settings...) {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&conf, "%s = '%s'\n", name, value)
	}
	appendFile(p.t, filepath.Join(p.data(), "postgresql.conf"), conf.Bytes())
}

// DSN returns what to connect with.
func (p *PG) DSN() string { return p.dsn(p.database) }

// Name returns the database's name.
func (p *PG) Name() string { return p.database }

// Exec runs statements on the database, as the superuser.
func (p *PG) Exec(statements ...string) {
	p.t.Helper()
	db := p.open(p.database)
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(p.t, err, statement)
	}
}

// Dir returns the folder that the server's socket is in.
func (p *PG) Dir() string { return p.dir }

// use makes a database the one of this test.
func (p *PG) use(database string) {
	p.database, p.pool = database, p.open(database)
	p.t.Cleanup(func() { _ = p.pool.Close() })
}

// DB returns connections to the database, which are closed when the test ends.
func (p *PG) DB() *sql.DB { return p.pool }

// Psql runs psql on the database, with input from stdin, and returns what it
// printed.
func (p *PG) Psql(stdin *os.File, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(Tool("psql"), append([]string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", p.DSN()}, args...)...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "%s", out)
	return string(out)
}

// Dump returns what pg_dump makes of the database.
func (p *PG) Dump(args ...string) string {
	p.t.Helper()
	out, err := exec.Command(Tool("pg_dump"), append(args, "-d", p.DSN())...).Output()
	require.NoError(p.t, err)
	return string(out)
}

func (p *PG) data() string { return filepath.Join(p.dir, "data") }

func (p *PG) dsn(database string) string {
	return "host=" + p.dir + " user=postgres sslmode=disable dbname=" + database
}

// open reads the environment now, where a service or a password would win over the dsn:
// what a test sets later is for what it tests.
func (p *PG) open(database string) *sql.DB {
	connector, err := pq.NewConnector(p.dsn(database))
	require.NoError(p.t, err)
	return sql.OpenDB(connector)
}

func (p *PG) remove() {
	if p.server != nil {
		p.Stop("immediate")
	}
	p.showLog()
	_ = os.RemoveAll(p.dir)
	_ = p.guard.Close()
}

// showLog shows what the server says to a test that has failed.
func (p *PG) showLog() {
	if log, err := os.ReadFile(p.log); p.t.Failed() && err == nil {
		p.t.Logf("the end of the server's log:\n%s", log[max(0, len(log)-4000):])
	}
}

func appendFile(t testing.TB, path string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

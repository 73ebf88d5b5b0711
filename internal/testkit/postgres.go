package testkit

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver of DB
	"github.com/stretchr/testify/require"
)

// PG is a PostgreSQL server of one test's own, reached by a unix socket only.
type PG struct {
	t      testing.TB
	dir    string
	cred   *syscall.Credential
	server *exec.Cmd
	log    string
}

// Postgres makes a fresh cluster with a database named vpn and starts it. It
// does not sync to disk, which no test that kills processes (and not the
// machine) can notice; settings such as "fsync=on" come last and win.
func Postgres(t testing.TB, settings ...string) *PG {
	t.Helper()
	Need(t, "initdb", "postgres")
	// Not t.TempDir: a socket's path must stay below 108 bytes.
	dir, err := os.MkdirTemp("", "pg")
	require.NoError(t, err)
	p := &PG{t: t, dir: dir, cred: postgresUser(t), log: filepath.Join(dir, "log")}
	t.Cleanup(p.remove)
	require.NoError(t, os.Chown(dir, int(p.cred.Uid), int(p.cred.Gid)))
	p.must("initdb", "-D", p.data(), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N")
	settings = append([]string{
		"listen_addresses=", "unix_socket_directories=" + dir, "fsync=off", "full_page_writes=off",
		"max_connections=50", "shared_buffers=64MB", "logging_collector=off",
	}, settings...)
	var conf bytes.Buffer
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&conf, "%s = '%s'\n", name, value)
	}
	appendFile(t, filepath.Join(p.data(), "postgresql.conf"), conf.Bytes())
	p.Start()
	admin := p.open("postgres")
	_, err = admin.Exec("CREATE DATABASE vpn")
	require.NoError(t, err)
	require.NoError(t, admin.Close())
	return p
}

// DSN returns what to connect with.
func (p *PG) DSN() string { return p.dsn("vpn") }

// Dir returns the folder that the server's socket is in.
func (p *PG) Dir() string { return p.dir }

// DB opens the database; it is closed when the test ends.
func (p *PG) DB() *sql.DB {
	db := p.open("vpn")
	p.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Start starts the server and waits until it takes connections.
func (p *PG) Start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer func() { _ = log.Close() }()
	p.server = p.command("postgres", "-D", p.data())
	p.server.Stdout, p.server.Stderr = log, log
	require.NoError(p.t, p.server.Start())
	db := p.open("postgres")
	defer func() { _ = db.Close() }()
	require.Eventually(p.t, func() bool { return db.Ping() == nil }, time.Minute, 20*time.Millisecond,
		"the server did not start; its log is %s", p.log)
}

// Stop stops the server: mode is smart, fast or immediate, as for pg_ctl.
func (p *PG) Stop(mode string) {
	p.t.Helper()
	signal, ok := map[string]os.Signal{
		"smart": syscall.SIGTERM, "fast": syscall.SIGINT, "immediate": syscall.SIGQUIT,
	}[mode]
	require.True(p.t, ok, "unknown mode %q", mode)
	require.NoError(p.t, p.server.Process.Signal(signal))
	_ = p.server.Wait() // immediate ends with an exit status
	p.server = nil
}

// Kill9 kills the server and its children without a word.
func (p *PG) Kill9() {
	p.t.Helper()
	require.NoError(p.t, p.server.Process.Kill())
	_ = p.server.Wait()
	p.server = nil
	// A new server refuses the data folder while a child of the old one lives.
	require.Eventually(p.t, func() bool { return p.killChildren() == 0 }, time.Minute, 20*time.Millisecond)
}

// killChildren kills what still runs in our data folder, which is how to know
// the server's children: each has a session of its own, and hides its
// environment behind its title. It returns how many it found.
func (p *PG) killChildren() int {
	found := 0
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range folders {
		if cwd, err := os.Readlink(link); err != nil || cwd != p.data() {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			found++
		}
	}
	return found
}

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

func (p *PG) data() string { return filepath.Join(p.dir, "data") }

func (p *PG) dsn(database string) string {
	return "host=" + p.dir + " user=postgres sslmode=disable dbname=" + database
}

func (p *PG) open(database string) *sql.DB {
	db, err := sql.Open("postgres", p.dsn(database))
	require.NoError(p.t, err)
	return db
}

// command prepares a server program. Root may not run it, so it runs as the
// user postgres; in a process group of its own, so that Ctrl-C leaves it alone.
func (p *PG) command(tool string, args ...string) *exec.Cmd {
	cmd := exec.Command(Tool(tool), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred, Setpgid: true}
	return cmd
}

func (p *PG) must(tool string, args ...string) {
	p.t.Helper()
	out, err := p.command(tool, args...).CombinedOutput()
	require.NoError(p.t, err, "%s", out)
}

func (p *PG) remove() {
	if p.server != nil {
		p.Stop("immediate")
	}
	if p.t.Failed() {
		if log, err := os.ReadFile(p.log); err == nil {
			p.t.Logf("the end of the server's log:\n%s", log[max(0, len(log)-4000):])
		}
	}
	_ = os.RemoveAll(p.dir)
}

func postgresUser(t testing.TB) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func appendFile(t testing.TB, path string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

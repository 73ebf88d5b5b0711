package testkit

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// Bouncer starts pgbouncer before the server, in transaction mode with so many
// connections to it, or with other settings, and returns what to connect with.
func (p *PG) Bouncer(connections int, settings ...string) string {
	p.t.Helper()
	Need(p.t, "pgbouncer")
	config := filepath.Join(p.dir, "pgbouncer.ini")
	require.NoError(p.t, os.WriteFile(config, fmt.Appendf(nil, `[databases]
vpn = host=%[1]s user=postgres dbname=vpn
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %[1]s
auth_type = any
pool_mode = transaction
default_pool_size = %[2]d
%[3]s
`, p.dir, connections, strings.Join(settings, "\n")), 0o644))
	log, err := os.OpenFile(filepath.Join(p.dir, "pgbouncer.log"), os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer func() { _ = log.Close() }()
	bouncer := p.command("pgbouncer", config)
	bouncer.Stdout, bouncer.Stderr = log, log
	require.NoError(p.t, bouncer.Start())
	p.t.Cleanup(func() {
		_ = bouncer.Process.Signal(syscall.SIGINT)
		_ = bouncer.Wait()
	})
	dsn := "host=" + p.dir + " port=6432 user=postgres sslmode=disable dbname=vpn"
	db, err := sql.Open("postgres", dsn)
	require.NoError(p.t, err)
	defer func() { _ = db.Close() }()
	require.Eventually(p.t, func() bool { return db.Ping() == nil }, time.Minute, 20*time.Millisecond, "pgbouncer did not start; its log is %s", log.Name())
	return dsn
}

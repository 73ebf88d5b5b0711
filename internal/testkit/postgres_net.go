package testkit

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

// loopback returns an address that no other test listens on. All of 127.0.0.0/8
// is there on Linux; a port of 127.0.0.1 that was free a moment ago could be
// another process's by now.
func loopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

// Addr returns the address of a server with TCP. The port is 5432.
func (p *PG) Addr() string { return p.addr }

// secure writes the files that TLS and pg_hba.conf need, and returns settings.
func (p *PG) secure(s PGSetup) (settings []string) {
	p.t.Helper()
	if s.HBA != nil {
		lines := append([]string{"local all postgres trust", "local replication postgres trust"}, s.HBA...)
		text := strings.Join(lines, "\n") + "\n"
		require.NoError(p.t, os.WriteFile(filepath.Join(p.data(), "pg_hba.conf"), []byte(text), 0o600))
	}
	if s.Cert == nil {
		return nil
	}
	p.writeCert(s.Cert)
	return []string{"ssl=on", "ssl_ca_file=root.crt", "ssl_cert_file=server.crt", "ssl_key_file=server.key"}
}

func (p *PG) writeCert(cert *Cert) {
	p.t.Helper()
	for name, text := range map[string][]byte{"root.crt": cert.ca, "server.crt": cert.cert, "server.key": cert.key} {
		path := filepath.Join(p.data(), name)
		require.NoError(p.t, os.WriteFile(path, text, 0o600))
		require.NoError(p.t, os.Chown(path, int(p.cred.Uid), int(p.cred.Gid)))
	}
}

// Reload has the server read its configuration again.
func (p *PG) Reload() { p.Exec("SELECT pg_reload_conf()") }

// Set changes a setting of the server, and waits until connections have it.
func (p *PG) Set(name, value string) {
	p.t.Helper()
	p.Exec("ALTER SYSTEM SET " + name + " = " + pq.QuoteLiteral(value))
	p.Reload()
	require.Eventually(p.t, func() bool {
		var now string
		return p.pool.QueryRow("SHOW "+name).Scan(&now) == nil && now == value
	}, time.Minute, 10*time.Millisecond)
}

// Log returns the server's log.
func (p *PG) Log() string {
	p.t.Helper()
	text, err := os.ReadFile(p.log)
	require.NoError(p.t, err)
	return string(text)
}

// Socket returns the path of the server's unix socket.
func (p *PG) Socket() string { return filepath.Join(p.dir, ".s.PGSQL.5432") }

// Certify has the server use another certificate.
func (p *PG) Certify(cert *Cert) {
	p.t.Helper()
	p.writeCert(cert)
	p.Reload()
}

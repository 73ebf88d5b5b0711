package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

const password = `s3:cr\t`

// secureServer takes TCP connections with TLS only: of cert_user with a
// certificate, of pass_user with a password.
func secureServer(t *testing.T, cert *testkit.Cert) *testkit.PG {
	t.Helper()
	pg := testkit.PGSetup{TCP: true, Cert: cert, HBA: []string{
		"hostssl vpn cert_user 127.0.0.0/8 cert",
		"hostssl vpn pass_user 127.0.0.0/8 scram-sha-256",
		"local vpn pass_user scram-sha-256",
		"local vpn peer_user peer map=test",
	}}.Start(t)
	pg.Exec("CREATE ROLE cert_user LOGIN", `CREATE ROLE pass_user LOGIN PASSWORD 's3:cr\t'`)
	return pg
}

func keywords(pairs ...string) string { return strings.Join(pairs, " ") }

func TestConnecting(t *testing.T) {
	ca, foreign := testkit.NewCA(t), testkit.NewCA(t)
	pg := secureServer(t, ca.Issue("server", time.Hour, "db.example"))
	root, cert, key := ca.Issue("cert_user", time.Hour).Files(t)
	_, otherCert, otherKey := ca.Issue("other_user", time.Hour).Files(t)
	foreignRoot, foreignCert, foreignKey := foreign.Issue("cert_user", time.Hour).Files(t)
	loose := filepath.Join(t.TempDir(), "loose.key")
	copyFile(t, key, loose, 0o644)

	// No file of the machine's, no variable of the developer's.
	home := t.TempDir()
	t.Setenv("HOME", home)
	passfile := func(name string, mode os.FileMode, lines ...string) string {
		path := filepath.Join(home, name)
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), mode))
		return path
	}
	const entry = `:vpn:pass_user:s3\:cr\\t`
	t.Setenv("PGPASSFILE", passfile("pass", 0o600, "# a comment", "other:*:*:*:wrong", "db.example:5432"+entry, "localhost:*"+entry))
	service := passfile("services", 0o600, "[vpn]", "host=db.example", "hostaddr="+pg.Addr(), "dbname=vpn", "user=pass_user",
		"sslmode=verify-full", "sslrootcert="+root)
	t.Setenv("PGSERVICEFILE", service)

	host := keywords("host=db.example", "hostaddr="+pg.Addr(), "dbname=vpn")
	full := keywords(host, "sslmode=verify-full", "sslrootcert="+root)
	const denied = "Postgres does not let us in"
	for name, test := range map[string]struct {
		dsn  string
		env  map[string]string
		want string // the TLS that the server sees, or what the error says
		err  bool
	}{
		"password from a file": {dsn: keywords(full, "user=pass_user"), want: "pass_user true "},
		"password from the environment": {
			dsn: keywords(full, "user=pass_user"), env: map[string]string{"PGPASSFILE": "/absent", "PGPASSWORD": password},
			want: "pass_user true ",
		},
		"password from the dsn": {dsn: keywords(full, "user=pass_user", `password='s3:cr\\t'`), want: "pass_user true "},
		"URL": {
			dsn:  fmt.Sprintf("postgres://pass_user@db.example/vpn?hostaddr=%s&sslmode=verify-full&sslrootcert=%s", pg.Addr(), root),
			want: "pass_user true ",
		},
		"service":              {dsn: "service=vpn", want: "pass_user true "},
		"service of the env":   {env: map[string]string{"PGSERVICE": "vpn"}, want: "pass_user true "},
		"certificate":          {dsn: keywords(full, "user=cert_user", "sslcert="+cert, "sslkey="+key), want: "cert_user true /CN=cert_user"},
		"CA only":              {dsn: keywords(host, "host=other.example user=pass_user sslmode=verify-ca password='s3:cr\\\\t' sslrootcert="+root), want: "pass_user true "},
		"unix socket":          {dsn: keywords("host="+pg.Dir(), "dbname=vpn user=pass_user"), want: "pass_user false "},
		"unix socket, and TLS": {dsn: keywords("host="+pg.Dir(), "dbname=vpn user=pass_user sslmode=verify-full"), want: "pass_user false "},

		"another host's certificate": {dsn: keywords(full, "host=other.example user=pass_user"), err: true, want: "certificate is valid for db.example, not other.example"},
		"another CA's certificate":   {dsn: keywords(host, "sslmode=verify-full user=pass_user sslrootcert="+foreignRoot), err: true, want: "certificate signed by unknown authority"},
		"another CA, CA only":        {dsn: keywords(host, "sslmode=verify-ca user=pass_user sslrootcert="+foreignRoot), err: true, want: "certificate signed by unknown authority"},
		"no root certificate":        {dsn: keywords(host, "sslmode=verify-full user=pass_user sslrootcert=/absent"), err: true, want: "open /absent: no such file or directory"},
		"without TLS":                {dsn: keywords(host, "sslmode=disable user=pass_user"), err: true, want: "no encryption"},
		"no client certificate":      {dsn: keywords(full, "user=cert_user"), err: true, want: "connection requires a valid client certificate"},
		"another role's certificate": {dsn: keywords(full, "user=cert_user", "sslcert="+otherCert, "sslkey="+otherKey), err: true, want: "certificate authentication failed for user \"cert_user\""},
		// With TLS 1.3 the server's word on it comes after the handshake, and may be lost with the connection.
		"a foreign certificate": {
			dsn: keywords(full, "user=cert_user ssl_max_protocol_version=TLSv1.2", "sslcert="+foreignCert, "sslkey="+foreignKey),
			err: true, want: "tls: unknown certificate authority",
		},
		"a key that others may read": {dsn: keywords(full, "user=cert_user", "sslcert="+cert, "sslkey="+loose), err: true, want: "private key has world access"},
		"wrong password":             {dsn: keywords(full, "user=pass_user password=s3cret"), err: true, want: "password authentication failed for user \"pass_user\""},
		"no password": {
			dsn: keywords(full, "user=pass_user"), env: map[string]string{"PGPASSFILE": "/absent"},
			err: true, want: "password authentication failed for user \"pass_user\"",
		},
		"a password file that others may read": {
			dsn: keywords(full, "user=pass_user"), env: map[string]string{"PGPASSFILE": passfile("loose", 0o640, "*:*"+entry)},
			err: true, want: "the password file " + home + "/loose was not used, because others may read it: chmod 600 it",
		},
		"no such database": {dsn: keywords(full, "user=pass_user dbname=absent password='s3:cr\\\\t'"), err: true, want: `no pg_hba.conf entry`},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			db, err := store.Open(test.dsn)
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			err = db.Ping(t.Context())
			if test.err {
				require.ErrorContains(t, err, test.want)
				require.ErrorContains(t, err, " at "+hostOf(test.dsn)+":5432 as ", "the place")
				require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "no row is to blame")
				require.Equal(t, denied, pgconn.Describe(err))
				require.True(t, pgconn.IsMisconfigured(err))
				for _, secret := range []string{password, "s3"} {
					require.NotContains(t, err.Error(), secret)
				}
				return
			}
			require.NoError(t, err)
			require.Contains(t, db.Place(), "vpn at ")
			require.Contains(t, db.Place(), " as "+strings.Fields(test.want)[0])
			require.Equal(t, test.want, query(t, pg.DB(), `SELECT usename || ' ' || ssl || ' ' || coalesce(client_dn, '')
				FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'psql-sink' ORDER BY backend_start DESC LIMIT 1`),
				"the newest, as that of the case before may still be ending")
		})
	}
	require.NotContains(t, pg.Log(), password)
}

// hostOf returns the last host that keywords name.
func hostOf(dsn string) (host string) {
	for _, pair := range strings.Fields(dsn) {
		if value, found := strings.CutPrefix(pair, "host="); found {
			host = value
		}
	}
	return host
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	text, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, text, mode))
}

// A certificate that has run out keeps the sink waiting, and a new one needs no
// restart of it.
func TestACertificateRunsOutAndIsRenewed(t *testing.T) {
	ca := testkit.NewCA(t)
	valid := ca.Issue("server", time.Hour, "db.example")
	pg := secureServer(t, valid)
	root, _, _ := valid.Files(t)
	t.Setenv("PGPASSWORD", password)
	db, err := store.Open(keywords("host=db.example hostaddr="+pg.Addr(), "dbname=vpn user=pass_user sslmode=verify-full sslrootcert="+root))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Ping(t.Context()))

	pg.Certify(ca.Issue("server", -time.Minute, "db.example"))
	pg.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'psql-sink'")
	_, err = db.Import(t.Context(), "gw", series(noon, 1)) // of the connection that is gone
	require.Error(t, err)
	_, err = db.Import(t.Context(), "gw", series(noon, 1))
	require.ErrorContains(t, err, "certificate has expired")
	require.Equal(t, pgconn.Retry, pgconn.ClassOf(err), "no report is set aside for it")

	pg.Certify(valid)
	require.NoError(t, db.Ping(t.Context()))
}

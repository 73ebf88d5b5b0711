package pgconn

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// text is what a connector would do, in a line.
func (c *connector) text() string {
	var words []string
	for _, h := range c.hosts {
		addr := ""
		if h.Hostaddr.IsValid() {
			addr = "(" + h.Hostaddr.String() + ")"
		}
		words = append(words, fmt.Sprintf("%s%s:%d/%s", h.Host, addr, h.Port, h.SSLMode))
	}
	first := c.hosts[0]
	words = append(words, fmt.Sprintf("%s:%s@%s", first.User, first.Password, first.Database))
	return strings.Join(words, " ") + []string{"", " primary", " writable"}[c.accept]
}

func TestDSN(t *testing.T) {
	services := filepath.Join(t.TempDir(), "services")
	require.NoError(t, os.WriteFile(services, []byte(`
# a comment
[other]
host=wrong
[vpn]
host = db1,db2
port=6000
dbname=x=y
user=service
sslmode=verify-full

options=-c search_path=a
[next]
host=wrong
`), 0o600))
	system := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(system, "pg_service.conf"), []byte("[machine]\nhost=db3\nuser=m"), 0o600))
	for name, test := range map[string]struct {
		dsn  string
		env  map[string]string
		want string
		err  string
	}{
		"keywords": {
			dsn:  `host=a port=1 user=u password='it\'s a \\ space' dbname = d sslmode=verify-ca`,
			want: `a:1/verify-ca u:it's a \ space@d`,
		},
		"a bare value with escapes": {dsn: `host=a user=u password=a\ b\\ sslmode=prefer`, want: `a:5432/prefer u:a b\@u`},
		"nothing":                   {env: map[string]string{"PGUSER": "u"}, want: "localhost:5432/ u:@u"},
		"empty values":              {dsn: "host='' user=u port=''", want: "localhost:5432/ u:@u"},

		"URL": {
			dsn:  "postgresql://u%40x:p%2F%3Aw@db.example:6432/d%20b?sslmode=verify-full&application_name=x",
			want: "db.example:6432/verify-full u@x:p/:w@d b",
		},
		"URL of several hosts": {
			dsn:  "postgres://u@a,b:6432,[2001:db8::1]:7,[::1]/d",
			want: "a:5432/ b:6432/ 2001:db8::1:7/ ::1:5432/ u:@d writable",
		},
		"URL of a socket":        {dsn: "postgres:///d?host=/run/pg&user=u", want: "/run/pg:5432/disable u:@d"},
		"URL of a socket, coded": {dsn: "postgres://u@%2Frun%2Fpg/d?ssl=true", want: "/run/pg:5432/disable u:@d"},
		"URL with JDBC's ssl":    {dsn: "postgres://u@a?ssl=true", want: "a:5432/require u:@u"},

		"several hosts, one port": {dsn: "host=a,b port=6 user=u", want: "a:6/ b:6/ u:@u writable"},
		"several ports":           {dsn: "host=a,b port=6,7 user=u target_session_attrs=any", want: "a:6/ b:7/ u:@u"},
		"addresses": {
			dsn:  "hostaddr=10.0.0.1,10.0.0.2 user=u sslmode=verify-full target_session_attrs=primary",
			want: "10.0.0.1(10.0.0.1):5432/verify-full 10.0.0.2(10.0.0.2):5432/verify-full u:@u primary",
		},
		"names and addresses": {
			dsn:  "host=a,b hostaddr=,::1 user=u",
			want: "a:5432/ b(::1):5432/ u:@u writable",
		},
		// One of them is a socket: the others keep TLS.
		"socket first": {
			dsn:  "host=/run/pg,db2 user=u sslmode=verify-full",
			want: "/run/pg:5432/disable db2:5432/verify-full u:@u writable",
		},
		"socket last": {dsn: "host=db2,@abstract user=u", want: "db2:5432/ @abstract:5432/disable u:@u writable"},
		"socket in the environment": {
			dsn: "host=db2 user=u sslmode=verify-full", env: map[string]string{"PGHOST": "/run/pg"},
			want: "db2:5432/verify-full u:@u",
		},

		"environment": {
			env:  map[string]string{"PGHOST": "a,b", "PGPORT": "1,2", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "d", "PGSSLMODE": "verify-ca"},
			want: "a:1/verify-ca b:2/verify-ca u:p@d writable",
		},
		"the dsn wins over the environment": {
			dsn:  "host=c,d port=3 user=v",
			env:  map[string]string{"PGHOST": "a,b", "PGPORT": "1,2", "PGUSER": "u"},
			want: "c:3/ d:3/ v:@v writable",
		},
		"service": {
			dsn: "service=vpn", env: map[string]string{"PGSERVICEFILE": services, "PGHOST": "wrong", "PGUSER": "wrong"},
			want: "db1:6000/verify-full db2:6000/verify-full service:@x=y writable",
		},
		"the dsn wins over the service": {
			dsn: "host=c user=u service=vpn", env: map[string]string{"PGSERVICEFILE": services},
			want: "c:6000/verify-full u:@x=y",
		},
		"service of the environment": {
			dsn: "user=u", env: map[string]string{"PGSERVICEFILE": services, "PGSERVICE": "vpn"},
			want: "db1:6000/verify-full db2:6000/verify-full u:@x=y writable",
		},
		"service of the machine": {
			dsn: "service=machine", env: map[string]string{"PGSERVICEFILE": services, "PGSYSCONFDIR": system},
			want: "db3:5432/ m:@m",
		},

		"no such service": {
			dsn: "service=absent", env: map[string]string{"PGSERVICEFILE": services, "PGSYSCONFDIR": system},
			err: "its service is defined in none of " + services + ", " + system + "/pg_service.conf; name the service file in PGSERVICEFILE",
		},
		"no value":              {dsn: "host=a b", err: `a keyword without "="; a value with a space needs quotes, as in password='...'`},
		"open quote":            {dsn: "host='a", err: "the value of host lacks its closing quote"},
		"open escape":           {dsn: `host=a\`, err: "the value of host ends with a backslash"},
		"bad escape":            {dsn: "postgres://u:%zz@a", err: `the password has a "%" that is not followed by two hex digits: write it as %25`},
		"open bracket":          {dsn: "postgres://u@[::1/d", err: `the host lacks its closing "]"`},
		"ports and hosts":       {dsn: "host=a,b port=1,2,3", err: "2 hosts, but 3 in port"},
		"addresses and hosts":   {dsn: "host=a hostaddr=::1,::2", err: "1 in host, but 2 in hostaddr"},
		"port":                  {dsn: "host=a port=0", err: `port "0" is not 1 to 65535`},
		"address":               {dsn: "hostaddr=a", err: `hostaddr "a" is not an IP address`},
		"standby":               {dsn: "host=a target_session_attrs=prefer-standby", err: "target_session_attrs=prefer-standby is for readers: rows can be written with read-write, primary or any"},
		"mode":                  {dsn: "host=a sslmode=x", err: `pq: wrong value for "sslmode": "x" is not supported`},
		"unsupported variable":  {env: map[string]string{"PGSSLCRL": "x"}, err: "PGSSLCRL asks for what psql-sink does not do: certificates that are revoked cannot be told here"},
		"unsupported parameter": {dsn: "host=a gssencmode=require", err: "gssencmode asks for what psql-sink does not do: TLS can do the same"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range os.Environ() {
				if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PG") {
					t.Setenv(name, "")
					require.NoError(t, os.Unsetenv(name))
				}
			}
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			c, err := newConnector(test.dsn)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, c.text())
		})
	}
}

// Each of libpq's parameters, in the order of its manual, either works, or is
// passed over, or is refused by its name, in a dsn and in the environment.
func TestLibpqParameters(t *testing.T) {
	const refused = "refused"
	for keyword, test := range map[string]struct{ value, variable, want string }{
		"host": {"a", "PGHOST", ""}, "hostaddr": {"10.0.0.1", "PGHOSTADDR", ""}, "port": {"1", "PGPORT", ""}, "dbname": {"d", "PGDATABASE", ""},
		"user": {"u", "PGUSER", ""}, "password": {"p", "PGPASSWORD", ""}, "passfile": {"/f", "PGPASSFILE", ""},
		"require_auth": {"scram-sha-256", "PGREQUIREAUTH", refused}, "channel_binding": {"require", "PGCHANNELBINDING", refused},
		"connect_timeout": {"5", "PGCONNECT_TIMEOUT", ""}, "client_encoding": {"latin1", "PGCLIENTENCODING", ""}, "datestyle": {"German", "PGDATESTYLE", ""},
		"options": {"-c geqo=off", "PGOPTIONS", ""}, "application_name": {"x", "PGAPPNAME", ""}, "fallback_application_name": {"x", "", ""},
		"keepalives": {"1", "", ""}, "keepalives_idle": {"10", "", ""}, "keepalives_interval": {"10", "", ""}, "keepalives_count": {"3", "", ""},
		"tcp_user_timeout": {"1000", "", ""}, "replication": {"database", "", refused}, "gssencmode": {"prefer", "PGGSSENCMODE", ""},
		"sslmode": {"verify-full", "PGSSLMODE", ""}, "requiressl": {"1", "PGREQUIRESSL", refused}, "sslnegotiation": {"postgres", "PGSSLNEGOTIATION", ""},
		"sslcompression": {"1", "PGSSLCOMPRESSION", ""}, "sslcert": {"/c", "PGSSLCERT", ""}, "sslkey": {"/k", "PGSSLKEY", ""},
		"sslkeylogfile": {"/l", "", ""}, "sslpassword": {"s3cret", "", refused}, "sslcertmode": {"require", "PGSSLCERTMODE", refused},
		"sslrootcert": {"/r", "PGSSLROOTCERT", ""}, "sslcrl": {"/crl", "PGSSLCRL", refused}, "sslcrldir": {"/crl", "PGSSLCRLDIR", refused},
		"sslsni": {"1", "PGSSLSNI", ""}, "requirepeer": {"postgres", "PGREQUIREPEER", refused},
		"ssl_min_protocol_version": {"TLSv1.2", "PGSSLMINPROTOCOLVERSION", ""}, "ssl_max_protocol_version": {"TLSv1.3", "PGSSLMAXPROTOCOLVERSION", ""},
		"min_protocol_version": {"3.0", "PGMINPROTOCOLVERSION", ""}, "max_protocol_version": {"3.0", "PGMAXPROTOCOLVERSION", ""},
		"krbsrvname": {"postgres", "", ""}, "gsslib": {"gssapi", "PGGSSLIB", ""}, "gssdelegation": {"1", "PGGSSDELEGATION", ""},
		"scram_client_key": {"k", "", refused}, "scram_server_key": {"k", "", refused}, "servicefile": {"/s", "", refused},
		"target_session_attrs": {"primary", "PGTARGETSESSIONATTRS", ""}, "load_balance_hosts": {"random", "PGLOADBALANCEHOSTS", ""},
		"oauth_issuer": {"i", "", refused}, "oauth_client_id": {"i", "", refused}, "oauth_client_secret": {"i", "", refused}, "oauth_scope": {"i", "", refused},
		"search_path": {"traffic", "", ""}, "role": {"owner", "", ""}, // settings of the server, which lib/pq takes too
	} {
		check := func(name, dsn string) {
			_, err := Open(dsn)
			if test.want == "" {
				require.NoError(t, err, name)
				return
			}
			require.ErrorContains(t, err, name+" asks for what psql-sink does not do: ")
			require.NotContains(t, err.Error(), "s3cret")
		}
		check(keyword, keyword+"='"+test.value+"'")
		if test.variable != "" {
			t.Run(test.variable, func(t *testing.T) {
				t.Setenv(test.variable, test.value)
				check(test.variable, "user=u")
			})
		}
	}
}

func TestAPasswordIsRefusedAsAnArgument(t *testing.T) {
	for dsn, want := range map[string]string{
		"host=a user=u":                          "",
		"postgres://u@a/d":                       "",
		"host=a password=secret":                 "no password on a command line",
		"postgres://u:secret@a/d":                "no password on a command line",
		"postgres://u@a/d?password=secret":       "no password on a command line",
		"postgres://u@a/d?application_name=a%zz": "malformed dsn",
		"postgres://u:sec/ret@a/d":               "write it as %2F or %3F",
		"postgres://u:sec?ret@a/d":               "write it as %2F or %3F",
		"postgres://u:secret%@a/d":               "write it as %25",
	} {
		err := RefusePassword(dsn)
		if want == "" {
			require.NoError(t, err, dsn)
			continue
		}
		require.ErrorContains(t, err, want, dsn)
		require.NotContains(t, err.Error(), "secret")
	}
}

// FuzzDSN: whatever is given, it is taken apart or refused, and what was taken
// apart comes back from its text.
func FuzzDSN(f *testing.F) {
	f.Add(`host=a,b port=1 password='it\'s' dbname = d`)
	f.Add("postgres://u:p@a:1,[::1]:2/d?sslmode=require&x=%20")
	f.Fuzz(func(t *testing.T, dsn string) {
		given, err := parseDSN(dsn)
		if err != nil {
			return
		}
		for keyword := range given {
			if keyword == "" || strings.ContainsAny(keyword, spaces+"=") {
				return // only a URL can have such: the server refuses them
			}
		}
		again, err := parseKeywords(given.String())
		require.NoError(t, err)
		require.Equal(t, given, again)
	})
}

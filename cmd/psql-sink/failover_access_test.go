package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// refusesStrangers requires of the cluster that who has no certificate of a member can ask
// etcd and Patroni nothing, and that Postgres lets in its own roles only, over TLS.
func (f *failover) refusesStrangers(t *testing.T) {
	t.Run("etcd and Patroni", f.refusesRequests)
	t.Run("Postgres", f.refusesLogins)
}

// requests are what members may do: the status says that the request has come through.
var requests = []struct {
	method, place, body string
	status              int
}{
	{http.MethodGet, ":2379/v2/keys/?recursive=true", "", http.StatusOK},
	{http.MethodPost, ":2379/v3/kv/range", `{"key": "AA=="}`, http.StatusOK},
	{http.MethodGet, ":2380/members", "", http.StatusOK},
	{http.MethodGet, ":8008/config", "", http.StatusOK},
	{http.MethodPatch, ":8008/config", `{"ttl": 5}`, http.StatusOK},
	{http.MethodPost, ":8008/restart", `{"role": "none"}`, http.StatusBadRequest},
	{http.MethodPost, ":8008/switchover", `{}`, http.StatusBadRequest},
	{http.MethodGet, ":2379/v2/keys/stranger", "", http.StatusNotFound},
	{http.MethodPut, ":2379/v2/keys/stranger?value=was+here", "", http.StatusCreated}, // for the first time
}

func (f *failover) refusesRequests(t *testing.T) {
	_, cert, key := testkit.NewCA(t).Issue("db1", time.Hour, "127.0.0.1").Files(t)
	forged, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	for _, m := range f.cluster.Members {
		for _, r := range requests {
			for _, stranger := range []*http.Client{f.cluster.Client(nil), f.cluster.Client(&forged)} {
				_, err := ask(stranger, r.method, "https://"+m.Addr()+r.place, r.body)
				require.Error(t, err, r.place)
				// Before TLS 1.3, it is refused before it has sent anything, and told so.
				stranger.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS12
				_, err = ask(stranger, r.method, "https://"+m.Addr()+r.place, r.body)
				require.ErrorContains(t, err, "remote error: tls: ", r.place)
			}
			status, err := ask(f.cluster.Client(nil), r.method, "http://"+m.Addr()+r.place, r.body) // Go's server answers that
			require.True(t, err != nil || status == http.StatusBadRequest && strings.HasPrefix(r.place, ":23"), "%s: %d", r.place, status)
		}
	}
	certificate := f.cluster.Certificate()
	require.False(t, certificate.Leaf.IsCA, "a member can make no members")
	member := f.cluster.Client(certificate)
	for _, r := range requests {
		status, err := ask(member, r.method, "https://"+f.cluster.Members[0].Addr()+r.place, r.body)
		require.NoError(t, err, r.place)
		require.Equal(t, r.status, status, r.place)
	}
	said := f.cluster.Members[1].Run(`patronictl -c /etc/patroni/config.yml list
		patronictl -c /etc/patroni/config.yml reload --force vpn`)
	require.Contains(t, said, "Sync Standby")
	require.Contains(t, said, "Reload request received for member db1")
}

// ask sends a request, and returns the status of the answer.
func ask(client *http.Client, method, url, body string) (int, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Close = true // the next one makes a connection of its own
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode, err
}

func (f *failover) refusesLogins(t *testing.T) {
	ca, cert, key := f.cluster.Files()
	leader := f.cluster.Leader()
	config := leader.Run("cat /etc/patroni/config.yml")
	secret := func(text, before, after string) string {
		found := regexp.MustCompile(before + `([0-9a-f]{48})` + after).FindStringSubmatch(text)
		require.NotNil(t, found, before)
		return found[1]
	}
	replicator := secret(config, `username: replicator\n +password: `, `\n`)
	rewinder := secret(config, `username: rewinder, password: `, `}`)
	require.NotEqual(t, replicator, rewinder)
	passwords := leader.Run("cat vpn/*.pgpass")
	writer := "user=vpn_traffic_writer password=" + secret(passwords, "vpn_traffic_writer:", "\n")
	reader := "user=vpn_traffic_reader password=" + secret(passwords, "vpn_traffic_reader:", "\n")
	full := " sslmode=verify-full sslrootcert=" + ca
	member := full + " sslcert=" + cert + " sslkey=" + key
	other, _, _ := testkit.NewCA(t).Issue("db1", time.Hour, leader.Addr()).Files(t)
	none := func(user, database, how string) string {
		return `no pg_hba.conf entry for .*user "` + user + `", database "` + database + `", ` + how
	}
	for name, c := range map[string]struct{ dsn, from, refused string }{
		"writer":                           {dsn: "dbname=vpn " + writer + full},
		"reader":                           {dsn: "dbname=vpn " + reader + full},
		"rewinder":                         {dsn: "dbname=postgres user=rewinder password=" + rewinder + member},
		"replicator":                       {dsn: "replication=true user=replicator password=" + replicator + member},
		"writer without TLS":               {dsn: "dbname=vpn sslmode=disable " + writer, refused: none("vpn_traffic_writer", "vpn", "no encryption")},
		"writer from elsewhere":            {dsn: "dbname=vpn " + writer + full, from: "127.0.0.2", refused: none("vpn_traffic_writer", "vpn", "SSL encryption")},
		"writer with another password":     {dsn: "dbname=vpn user=vpn_traffic_writer password=" + rewinder + full, refused: "password authentication failed"},
		"writer and another server":        {dsn: "dbname=vpn " + writer + " sslmode=verify-full sslrootcert=" + other, refused: "certificate signed by unknown authority"},
		"writer of another database":       {dsn: "dbname=postgres " + writer + full, refused: none("vpn_traffic_writer", "postgres", "SSL encryption")},
		"rewinder without a certificate":   {dsn: "dbname=postgres user=rewinder password=" + rewinder + full, refused: "valid client certificate"},
		"rewinder with another password":   {dsn: "dbname=postgres user=rewinder password=" + replicator + member, refused: "password authentication failed"},
		"rewinder without TLS":             {dsn: "dbname=postgres sslmode=disable user=rewinder password=" + rewinder, refused: none("rewinder", "postgres", "no encryption")},
		"replicator without certificate":   {dsn: "replication=true user=replicator password=" + replicator + full, refused: "valid client certificate"},
		"replicator without TLS":           {dsn: "replication=true sslmode=disable user=replicator password=" + replicator, refused: `no pg_hba.conf entry for replication .*, no encryption`},
		"superuser without TLS":            {dsn: "dbname=vpn sslmode=disable user=postgres", refused: none("postgres", "vpn", "no encryption")},
		"superuser":                        {dsn: "dbname=vpn user=postgres" + full, refused: none("postgres", "vpn", "SSL encryption")},
		"superuser with a certificate":     {dsn: "dbname=postgres user=postgres" + member, refused: none("postgres", "postgres", "SSL encryption")},
		"superuser from the member itself": {dsn: "dbname=postgres user=postgres" + member, from: leader.Addr(), refused: none("postgres", "postgres", "SSL encryption")},
	} {
		err := leader.Login(c.dsn, c.from)
		if c.refused == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Error(t, err, name)
		require.Regexp(t, c.refused, err.Error(), name)
	}
	require.True(t, leader.Is("rolpassword IS NULL FROM pg_authid WHERE rolname = 'postgres'"))
	require.True(t, leader.Is("count(*) = 2 FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE client_dn LIKE '/CN=db_'"))
	require.Equal(t, "700\n", f.cluster.Run("stat -c %a ~/vpn"), "keys are in it")
	require.Equal(t, "700\n", leader.Run("stat -c %a ~/vpn"))
}

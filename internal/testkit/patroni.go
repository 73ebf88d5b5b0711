package testkit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Cluster is a PostgreSQL of three members with Patroni and etcd, which fails over, and the
// machine where an operator makes what they need.
type Cluster struct {
	t       testing.TB
	Members []*Member
	folder  string // the operator's machine
	client  *http.Client
}

// Patroni makes a cluster. It runs the script of an operator that makes certificates and
// files, and for each member the one that installs these, both with names, addresses and
// files as docs/scale.md has them.
func Patroni(t testing.TB, files, install string) *Cluster {
	t.Helper()
	Need(t, "patroni", "etcd", "postgres", "initdb", "openssl")
	c := &Cluster{t: t, folder: t.TempDir()}
	for n := range 3 {
		m := &Member{PG: newPG(t, PGSetup{TCP: true}), name: fmt.Sprintf("db%d", n+1)}
		t.Cleanup(m.remove)
		c.Members = append(c.Members, m)
	}
	c.prepare()
	c.Run(files)
	c.client = c.Client(c.Certificate())
	c.client.Timeout = time.Second // for a member that hangs
	for _, m := range c.Members {
		m.install(c.Local(install))
	}
	for _, m := range c.Members {
		m.Start()
	}
	c.AwaitWhole()
	return c
}

// Local returns a text with the addresses of the members, and the folder of Telegraf on the
// operator's machine, in the place of those that the documents have.
func (c *Cluster) Local(text string) string {
	for n, m := range c.Members {
		text = strings.ReplaceAll(text, fmt.Sprintf("192.0.2.%d", 11+n), m.addr)
	}
	return strings.ReplaceAll(text, "/etc/telegraf", filepath.Join(c.folder, "etc/telegraf"))
}

// Leader waits until a member takes rows that is none of the others, and returns it.
func (c *Cluster) Leader(others ...*Member) (leader *Member) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		for _, m := range c.Members {
			if leader = m; !slices.Contains(others, m) && m.Is("NOT pg_is_in_recovery()") {
				return true
			}
		}
		return false
	}, 2*time.Minute, 20*time.Millisecond)
	return leader
}

// AwaitWhole waits until all members run and follow, and one of them may take over.
func (c *Cluster) AwaitWhole() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		roles := c.roles()
		return roles["leader"] == 1 && roles["sync_standby"] == 1 && roles["replica"] == 1 && slices.ContainsFunc(c.Members, isFollowed)
	}, 2*time.Minute, 100*time.Millisecond, "a member does not run, or does not follow, or none may take over")
}

func isFollowed(m *Member) bool {
	return m.Is("count(*) = 2 FROM pg_stat_replication WHERE state = 'streaming'")
}

// roles counts the members that run, by their role.
func (c *Cluster) roles() map[string]int {
	roles := make(map[string]int)
	answer, err := c.client.Get("https://" + c.Members[0].addr + ":8008/cluster")
	if err != nil {
		return roles
	}
	defer func() { _ = answer.Body.Close() }()
	var found struct {
		Members []struct{ Role, State string }
	}
	if json.NewDecoder(answer.Body).Decode(&found) != nil {
		return roles
	}
	for _, m := range found.Members {
		if m.State == "running" || m.State == "streaming" {
			roles[m.Role]++
		}
	}
	return roles
}

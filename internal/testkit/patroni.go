package testkit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Cluster is a PostgreSQL of three members with Patroni and etcd, which fails over.
type Cluster struct {
	t       testing.TB
	Members []*Member
}

// Patroni makes a cluster with a database named vpn. For each member it runs the script
// that an operator does, which names members, addresses and files as docs/scale.md does.
func Patroni(t testing.TB, script string) *Cluster {
	t.Helper()
	Need(t, "patroni", "etcd", "postgres", "initdb")
	c := &Cluster{t: t}
	for n := range 3 {
		m := &Member{PG: newPG(t, PGSetup{TCP: true}), name: fmt.Sprintf("db%d", n+1)}
		t.Cleanup(m.remove)
		c.Members = append(c.Members, m)
	}
	for _, m := range c.Members {
		c.install(m, script)
	}
	for _, m := range c.Members {
		m.Start()
	}
	c.AwaitWhole()
	c.Leader().create("")
	return c
}

// install runs the script for a member. Its files go to the member's folder, and what
// they say of times is as short as it can be.
func (c *Cluster) install(m *Member, script string) {
	c.t.Helper()
	folder := m.folder()
	bin := filepath.Join(folder, "bin")
	require.NoError(c.t, os.MkdirAll(bin, 0o755))
	for _, other := range []string{"apt-get", "systemctl"} {
		require.NoError(c.t, os.Symlink("/bin/true", filepath.Join(bin, other)))
	}
	local := strings.NewReplacer(
		"name=db1 address=192.0.2.11 ", fmt.Sprintf("name=%s address=%s ", m.name, m.addr),
		"/etc/default/etcd", filepath.Join(folder, "etcd.env"), "/etc/patroni", folder,
		"/usr/share/telegraf-conntrack-accounting", filepath.Join(Root(c.t), "deploy", "cluster"),
		"/var/lib/etcd/vpn", filepath.Join(folder, "etcd"), "192.0.2.0/24", "127.0.0.0/8",
	).Replace(script)
	run := exec.Command("sh", "-eu", "-c", c.Local(local))
	run.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	require.NoError(c.t, err, "%s", out)

	config := filepath.Join(folder, "config.yml")
	text, err := os.ReadFile(config)
	require.NoError(c.t, err)
	postgres, err := filepath.EvalSymlinks(Tool("postgres"))
	require.NoError(c.t, err)
	made := strings.NewReplacer("/var/lib/postgresql/15/vpn", m.data(), "/usr/lib/postgresql/15/bin", filepath.Dir(postgres),
		"/var/lib/postgresql", folder, "/var/run/postgresql", m.dir,
		"all postgres peer", "all all trust", "  parameters:\n    unix", "  parameters:\n    fsync: \"off\"\n    unix",
		"ttl: 30", "ttl: 5", "loop_wait: 10", "loop_wait: 1", "retry_timeout: 10", "retry_timeout: 2").Replace(string(text))
	require.NoError(c.t, os.WriteFile(config, []byte(made), 0o600)) // it is postgres's already
	require.NoError(c.t, os.Chown(folder, int(m.cred.Uid), int(m.cred.Gid)))
}

// Local returns a text with the addresses of the members in the place of those that the
// documents have.
func (c *Cluster) Local(text string) string {
	for n, m := range c.Members {
		text = strings.ReplaceAll(text, fmt.Sprintf("192.0.2.%d", 11+n), m.addr)
	}
	return text
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
	client := http.Client{Timeout: time.Second}
	answer, err := client.Get("http://" + c.Members[0].addr + ":8008/cluster")
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

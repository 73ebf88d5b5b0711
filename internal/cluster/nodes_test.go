package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

const nodes = 3

// natsCluster is three NATS nodes, made as deploy/cluster/nats has it.
type natsCluster struct {
	t           testing.TB
	net         *network
	server, cli string
	ca          string
	operator    *testkit.Netns
	machines    [nodes]*testkit.Netns
	configs     [nodes]string
	running     [nodes]*testkit.Child
}

func nodeName(n int) string { return fmt.Sprintf("nats-%d", n+1) }
func nodeAddr(n int) string { return fmt.Sprintf("10.99.0.%d", n+1) }

// deployed reads a file of deploy/cluster/nats, and puts in the addresses and what else is said.
func deployed(t testing.TB, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "deploy/cluster/nats", name))
	require.NoError(t, err)
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, string(text), replace[i], name)
	}
	for n := range nodes {
		replace = append(replace, nodeName(n)+".example.org", nodeAddr(n))
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

// startNATS starts them, with nats.conf as it is but for what is replaced.
func startNATS(t testing.TB, net *network, set setting, replace ...string) *natsCluster {
	t.Helper()
	c := &natsCluster{t: t, net: net, operator: net.machine("10.99.0.99")}
	c.server, c.cli = testkit.NATS(t)
	ca := testkit.NewCA(t)
	for n := range nodes {
		folder := t.TempDir()
		var cert, key string
		c.ca, cert, key = ca.Issue(nodeName(n), time.Hour, nodeAddr(n)).Files(t)
		c.configs[n] = filepath.Join(folder, "nats.conf")
		text := deployed(t, "nats.conf", append([]string{
			"server_name: nats-1", "server_name: " + nodeName(n), "/etc/nats/node.crt", cert,
			"/etc/nats/node.key", key, "/etc/nats/ca.crt", c.ca, "/var/lib/nats", filepath.Join(folder, "store"), "5s", "1s",
		}, replace...)...)
		require.NoError(t, os.WriteFile(c.configs[n], []byte(text), 0o600))
		c.machines[n] = net.machine(nodeAddr(n))
		c.start(n)
	}
	require.Eventually(t, func() bool { return c.command("account", "info").Run() == nil }, time.Minute, 100*time.Millisecond, "JetStream has no leader")
	c.makeStream(set)
	return c
}

// makeStream runs its commands.
func (c *natsCluster) makeStream(set setting) {
	c.t.Helper()
	script := c.operate("sh", "-c", deployed(c.t, "stream", "--wait=30s", "--wait="+set.wait, "--max-pending=100", "--max-pending="+set.pending))
	script.Env = append(script.Env, "PATH="+filepath.Dir(c.cli)+":"+os.Getenv("PATH"))
	out, err := script.CombinedOutput()
	require.NoError(c.t, err, "%s", out)
}

func (c *natsCluster) start(n int) {
	c.t.Helper()
	c.running[n] = testkit.StartChild(c.t, c.machines[n].Command(c.server, "-c", c.configs[n]))
}

// gatewayAccount is what nats.conf has for a gateway.
var gatewayAccount = regexp.MustCompile(`(?s)  gw-1: \{\n.*?\n  \}\n`)

// admit adds the accounts of gateways to nodes that run, as docs/scale.md says.
func (c *natsCluster) admit(names ...string) {
	c.t.Helper()
	for n, config := range c.configs {
		text, err := os.ReadFile(config)
		require.NoError(c.t, err)
		first := gatewayAccount.FindString(string(text))
		require.NotEmpty(c.t, first)
		var more strings.Builder
		for _, name := range names {
			more.WriteString(strings.ReplaceAll(first, "gw-1", name))
		}
		require.NoError(c.t, os.WriteFile(config, []byte(strings.Replace(string(text), first, first+more.String(), 1)), 0o600))
		c.reload(n) // which makes the accounts
		c.reload(n) // which has them import
	}
}

// reload has a node read its file.
func (c *natsCluster) reload(n int) {
	c.t.Helper()
	node := c.running[n]
	before := reloads(node)
	out, err := exec.Command(c.server, "--signal", fmt.Sprintf("reload=%d", node.Pid())).CombinedOutput()
	require.NoError(c.t, err, "%s", out)
	require.Eventually(c.t, func() bool { return reloads(node) > before }, time.Minute, 10*time.Millisecond)
}

func reloads(node *testkit.Child) int {
	return strings.Count(node.Stderr(), "Reloaded server configuration")
}

func (c *natsCluster) kill(n int) { kill(c.t, c.running[n]) }

// log returns what the nodes that run have logged.
func (c *natsCluster) log() string {
	var all strings.Builder
	for _, node := range c.running {
		all.WriteString(node.Stderr())
	}
	return all.String()
}

// command prepares NATS's command line.
func (c *natsCluster) command(args ...string) *exec.Cmd { return c.operate(c.cli, args...) }

// as prepares it with the rights of a gateway.
func (c *natsCluster) as(gateway string, args ...string) *exec.Cmd {
	cmd := c.command(args...)
	cmd.Env = append(cmd.Env, "NATS_USER="+gateway, "NATS_PASSWORD=PASSWORD-OF-"+gateway)
	return cmd
}

// operate prepares a program that finds the nodes in its environment.
func (c *natsCluster) operate(name string, args ...string) *exec.Cmd {
	cmd := c.operator.Command(name, args...)
	urls := make([]string, nodes)
	for n := range urls {
		urls[n] = fmt.Sprintf("tls://%s:4222", nodeAddr(n))
	}
	cmd.Env = append(os.Environ(), "NATS_URL="+strings.Join(urls, ","), "NATS_CA="+c.ca,
		"NATS_USER=admin", "NATS_PASSWORD=ADMIN-PASSWORD", "XDG_CONFIG_HOME="+filepath.Dir(c.configs[0]))
	return cmd
}

// stream is what "nats stream info" says.
type stream struct {
	Cluster struct{ Leader string }
	State   struct{ Messages, Bytes int }
}

func (c *natsCluster) info() (s stream, err error) {
	text, err := c.command("stream", "info", "CONNTRACK", "--json").Output()
	if err != nil {
		return s, fmt.Errorf("asking for the stream: %w", err)
	}
	return s, json.Unmarshal(text, &s)
}

// messages returns how many the stream holds, or -1 if it cannot be asked.
func (c *natsCluster) messages() int {
	s, err := c.info()
	if err != nil {
		return -1
	}
	return s.State.Messages
}

// leads returns the node that leads the stream, or -1 while none is known.
func (c *natsCluster) leads() int {
	s, err := c.info()
	if err != nil {
		return -1
	}
	for n := range nodes {
		if nodeName(n) == s.Cluster.Leader {
			return n
		}
	}
	return -1
}

// leader waits for another node to lead the stream than some, or -1.
func (c *natsCluster) leader(but int) (leader int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		leader = c.leads()
		return leader >= 0 && leader != but
	}, time.Minute, 200*time.Millisecond, "no node leads the stream")
	return leader
}

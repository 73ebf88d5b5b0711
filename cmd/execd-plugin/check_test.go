package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// checked is a gateway as deploy/ makes it, of which tests break one thing after the
// other. nobody is the user that Telegraf runs as.
type checked struct {
	t                               *testing.T
	ns                              *testkit.Netns
	dir, program, config, telegraf  string
	networks, state, reports, agent string
	options, input, output          string
}

func newChecked(t *testing.T) *checked {
	testkit.Need(t, "nft", "sysctl")
	dir, err := os.MkdirTemp("", "check") // not t.TempDir, which is root's alone
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	c := &checked{t: t, ns: testkit.NewNetns(t), dir: dir}
	c.program = filepath.Join(dir, "telegraf-conntrack-accounting")
	program, err := os.ReadFile(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/execd-plugin"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.program, program, 0o755))
	for name, to := range map[string]*string{
		"input.conf": &c.config, "telegraf.conf": &c.telegraf, "networks.csv": &c.networks, "state": &c.state, "reports": &c.reports,
	} {
		*to = filepath.Join(dir, name)
	}
	c.ns.TrackAll(t)
	c.ns.Local(t, "10.32.0.0/11")
	for _, name := range []string{"acct", "timestamp", "events"} {
		c.ns.Sysctl(t, "nf_conntrack_"+name, 1)
	}
	c.ns.Sysctl(t, "nf_conntrack_udp_timeout", 3600)
	for port := range 10 {
		server := fmt.Sprintf("10.33.0.1:%d", 1000+port)
		c.ns.EchoUDP(t, server)
		require.NoError(t, c.ns.UDP("10.32.0.1", server, 1, 10))
	}
	c.sh(fmt.Sprintf("install -d -o nobody -m 750 %s %s; touch %s", c.state, c.reports, c.networks))
	c.whole()
	return c
}

// whole makes all as it should be; tests change parts of it and write them.
func (c *checked) whole() {
	c.options = fmt.Sprintf("network_namespace = %q\n  networks_file = %q\n  state_file = %q\n  report_directory = %q",
		c.ns.Path(), c.networks, filepath.Join(c.state, "state"), c.reports)
	c.agent = "metric_buffer_limit = 1_000_000"
	c.input = "command = [\"telegraf-conntrack-accounting\", \"-config\", \"x\"]\n  signal = \"STDIN\"\n  restart_delay = \"10s\"\n  data_format = \"influx\""
	c.output = "command = [\"psql-sink\", \"-config\", \"y\"]\n  namepass = [\"traffic\"]\n  use_batch_format = true\n  restart_delay = \"10s\""
	c.write()
	require.NoError(c.t, os.WriteFile(c.networks, []byte("10.32.0.0/16,East\n"), 0o644))
}

func (c *checked) write() {
	require.NoError(c.t, os.WriteFile(c.config, []byte("[[inputs.conntrack_accounting]]\n  "+c.options+"\n"), 0o644))
	text := fmt.Sprintf("[agent]\n  %s\n[[inputs.execd]]\n  %s\n[[outputs.execd]]\n  %s\n", c.agent, c.input, c.output)
	require.NoError(c.t, os.WriteFile(c.telegraf, []byte(text), 0o644))
}

func (c *checked) sh(command string) {
	c.t.Helper()
	cmd := exec.Command("sh", "-ec", command)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "%s: %s", command, out)
}

func (c *checked) check() testkit.Verdict {
	c.t.Helper()
	return testkit.Check(c.t, exec.Command(c.program, "check", "-config", c.config, "-telegraf", c.telegraf, "-user", "nobody", "-json"))
}

// A set-up without a fault is all right; each fault is named with its level, and the
// command that is named mends it.
func TestCheckNamesEachFault(t *testing.T) {
	c := newChecked(t)
	replace := func(in *string, old, by string) func() {
		return func() {
			require.Contains(t, *in, old)
			*in = strings.Replace(*in, old, by, 1)
			c.write()
		}
	}
	sysctl := func(name string, value int) func() { return func() { c.ns.Sysctl(t, "nf_conntrack_"+name, value) } }
	for _, fault := range []struct {
		name, says string
		make       func()
	}{
		{"an option", `failure configuration: ` + c.config + `: line 3: unknown key "sorce"`, func() { c.options = "network_namespace = \"x\"\n  sorce = 1"; c.write() }},
		{"a value", "failure configuration: max_series: 0: want at least 1", func() { c.options += "\n  max_series = 0"; c.write() }},
		{"a list", "failure configuration: networks_file: " + c.networks + ": line 2", func() { require.NoError(t, os.WriteFile(c.networks, []byte("10.0.0.0/8,A\nx\n"), 0o644)) }},
		{"a list of another's", "failure networks_file: nobody may not read " + c.networks, func() { c.sh("chmod 600 " + c.networks) }},
		{"a port without a name", "warning configuration: ports: ", func() { c.options += "\n  ports = [\"tcp:80\", \"icmp:1\"]"; c.write() }},
		{"no namespace", `failure network namespace: network namespace "none" not found`, func() { replace(&c.options, c.ns.Path(), "none")() }},
		{"acct", "warning accounting: nf_conntrack_acct is 0: the plugin sets it to 1 when it starts", sysctl("acct", 0)},
		{"acct, for good", "failure accounting: accounting is off (nf_conntrack_acct=0)", func() { sysctl("acct", 0)(); c.options += "\n  set_sysctls = false"; c.write() }},
		{"timestamps", "warning timestamps: nf_conntrack_timestamp is 0", sysctl("timestamp", 0)},
		{"events", "warning events: nf_conntrack_events is 2", sysctl("events", 2)},
		{"no rule for IPv6", "warning IPv6: nothing in this network namespace tracks IPv6 connections", func() {
			c.ns.Nft(t, "delete table inet track\ntable ip track { chain in { type filter hook input priority 0; ct state new\n}\n}")
		}},
		{"a filter", "warning filter: the connection tracking table has ", func() { c.options += "\n  source = [\"192.0.2.0/24\"]"; c.write() }},
		{"a state folder of another's", "failure state_file: nobody may not write to the folder " + c.state + ", of root", func() { c.sh("chown root " + c.state) }},
		{"no state folder", "failure state_file: the folder " + c.state + " is missing", func() { c.sh("rmdir " + c.state) }},
		{"a state of another's", "failure state_file: nobody may not write to " + c.state + "/state", func() { c.sh("touch " + c.state + "/state") }},
		{"no folder for reports", "failure report_directory: the folder " + c.reports + " is missing", func() { c.sh("rmdir " + c.reports) }},
		{"no input", "failure inputs.execd: no inputs.execd runs telegraf-conntrack-accounting", replace(&c.input, "telegraf-conntrack-accounting", "other")},
		{"two inputs", "failure inputs.execd: 2 inputs.execd run telegraf-conntrack-accounting with the same command", func() { c.input += "\n[[inputs.execd]]\n" + c.input; c.write() }},
		{"no signal", "failure signal: Telegraf never asks for a gather", replace(&c.input, "STDIN", "none")},
		{"a wrong signal", `failure signal: Telegraf does not know signal = "stdin"`, replace(&c.input, "STDIN", "stdin")},
		{"another format", `failure data_format: inputs.execd has data_format = "json"`, replace(&c.input, "influx", "json")},
		{"a tight loop", "warning restart_delay: inputs.execd starts the program again after 0s", replace(&c.input, "10s", "0s")},
		{"a small buffer", "warning metric_buffer_limit: it is 10000, and a gather has up to 200000 metrics", replace(&c.agent, "metric_buffer_limit = 1_000_000", "")},
		{"a small buffer for sums", "warning metric_buffer_limit: it is 300000, and a gather has up to 400000 metrics", func() { c.options += "\n  sums = [\"src\"]"; replace(&c.agent, "1_000_000", "300_000")() }},
		{"one name for sums and rows", `failure name_override: rows and their sums (the option sums) all become "x"`, func() {
			c.options += "\n  sums = [\"src\", \"dst\"]"
			c.input += "\n  name_override = \"x\""
			c.write()
		}},
		{"a tiny buffer", "failure metric_buffer_limit: it is 5, and a gather now has ", replace(&c.agent, "1_000_000", "5")},
		{"metrics one by one", "warning use_batch_format: ", replace(&c.output, "true", "false")},
		{"all metrics", "warning namepass: ", replace(&c.output, "namepass", "namedrop")},
		{"a tight loop of the sink", "warning restart_delay: outputs.execd starts the program again after 0s", replace(&c.output, "restart_delay = \"10s\"", "")},
		{"no Telegraf", "failure telegraf: reading Telegraf's configuration: ", func() { c.telegraf += "x" }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := c.check()
			require.Empty(t, before.Wrong())
			require.Greater(t, len(before.Findings), 20)
			fault.make()
			v := c.check()
			require.Contains(t, v.Wrong(), fault.says)
			require.Equal(t, 1, strings.Count(v.Wrong(), "\n"), v.Wrong())
			for _, command := range v.Commands() {
				c.sh(command)
			}
			c.telegraf = strings.TrimSuffix(c.telegraf, "x")
			c.whole()
		})
	}
	require.Empty(t, c.check().Wrong())
}

// It works for Telegraf's user, and reports a capability that is missing or is of
// another user namespace.
func TestCheckOfTheCapability(t *testing.T) {
	testkit.NeedUserNamespace(t)
	testkit.Need(t, "setpriv")
	c := newChecked(t)
	c.options = "state_file = \"" + c.state + "/state\"" // the namespace that it is in
	c.write()
	const user = "setpriv --reuid nobody --clear-groups --no-new-privs"
	for name, s := range map[string]struct{ as, wrong string }{
		"Telegraf's user": {user + " --inh-caps +net_admin --ambient-caps +net_admin --", ""},
		"no capability":   {user + " --", "failure capability: reading the connection tracking table needs CAP_NET_ADMIN"},
		"another's":       {"unshare --user --map-root-user --", "failure reading: "},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(strings.Fields(s.as), c.program, "check", "-config", c.config, "-json")
			v := testkit.Check(t, c.ns.Command(args[0], args[1:]...))
			if s.wrong != "" {
				require.Contains(t, v.Wrong(), s.wrong)
				return
			}
			require.NotContains(t, v.Wrong(), "failure")
			require.Contains(t, fmt.Sprint(v.Findings), "the table was read in ")
		})
	}
}

// What is set at boot is found out, and the command sets it.
func TestCheckOfTheBoot(t *testing.T) {
	testkit.Need(t, "unshare", "mount")
	c := newChecked(t)
	c.options = ""
	c.write()
	run := func(prepare string) testkit.Verdict {
		script := "for d in /etc/sysctl.d /etc/modules-load.d; do mkdir -p $d && mount -t tmpfs none $d; done\n" + prepare + "\nexec \"$@\""
		return testkit.Check(t, c.ns.Command("unshare", "--mount", "sh", "-ec", script, "sh", c.program, "check", "-config", c.config, "-json"))
	}
	v := run("")
	require.Contains(t, v.Wrong(), "warning boot: nothing sets nf_conntrack_acct, nf_conntrack_timestamp, nf_conntrack_events to 1 at boot")
	require.Equal(t, 1, v.Code)
	require.Len(t, v.Commands(), 1)
	mended := run(v.Commands()[0])
	require.Empty(t, mended.Wrong())
	require.Zero(t, mended.Code)
}

// The switch does what the command does, in words.
func TestCheckSwitch(t *testing.T) {
	c := newChecked(t)
	c.ns.Sysctl(t, "nf_conntrack_acct", 0)
	cmd := exec.Command(c.program, "-config", c.config, "-check")
	out, err := cmd.Output()
	require.Error(t, err)
	require.Positive(t, cmd.ProcessState.ExitCode())
	require.Contains(t, string(out), "\nWARNING accounting: nf_conntrack_acct is 0: the plugin sets it to 1 when it starts")
	require.NotContains(t, string(out), "\x1b")
	require.Equal(t, "0\n", c.ns.Exec(t, "cat", "/proc/sys/net/netfilter/nf_conntrack_acct"), "nothing is changed")
	left, err := os.ReadDir(c.state)
	require.NoError(t, err)
	require.Empty(t, left)
}

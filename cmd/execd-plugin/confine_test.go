package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// logs waits until the program has logged a text.
func (r *runs) logs(text string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return strings.Contains(r.child.Stderr(), text) }, 30*time.Second, time.Millisecond, text)
}

// replace puts a file into the place of another, as editors do.
func replace(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o644))
	require.NoError(t, os.Rename(path+".new", path))
}

func (r *runs) startWith(options string, switches ...string) {
	r.t.Helper()
	require.NoError(r.t, os.WriteFile(r.config, []byte("[[inputs.conntrack_accounting]]\n"+options), 0o600))
	cmd := exec.Command(r.program, append(switches, "-config", r.config)...)
	stdin, err := cmd.StdinPipe()
	require.NoError(r.t, err)
	r.child, r.stdin = testkit.StartChild(r.t, cmd), stdin
	r.t.Cleanup(func() { _ = stdin.Close() })
	r.logs("sandbox: ")
}

// All that changes while the program runs works inside the sandbox: lists that are
// replaced, sysctls, reports, the state, a namespace that is made again.
func TestConfined(t *testing.T) {
	r := newRuns(t)
	lists, reports := t.TempDir(), t.TempDir()
	networks, ports := filepath.Join(lists, "networks.csv"), filepath.Join(lists, "ports")
	replace(t, networks, "10.32.0.0/16,here\n")
	replace(t, ports, "udp:53\n")
	r.startWith(fmt.Sprintf("  network_namespace = %q\n  state_file = %q\n  networks_file = %q\n  ports_file = %q\n  report_directory = %q\n",
		r.ns.Name, r.state, networks, ports, reports), "-debug")
	r.logs("D! sandbox: capabilities: cap_dac_override, cap_net_admin, cap_sys_admin; no new privileges; Landlock (ABI ")
	const kept = "0000000000201002"
	status := testkit.Privileges(r.child.Pid())
	for _, set := range []string{"CapEff", "CapPrm"} {
		require.Equal(t, []string{kept}, status[set], set)
	}
	require.Equal(t, []string{"0000000000000000"}, status["CapAmb"])
	require.Equal(t, []string{"1"}, status["NoNewPrivs"])
	require.Equal(t, []string{"2"}, status["Seccomp"])

	require.NoError(t, r.ns.UDP("10.32.0.1", "10.33.0.1:53", 10, 100))
	replace(t, networks, "10.32.0.0/16,here\n10.33.0.0/16,there\n")
	replace(t, ports, "udp:53\nudp:54\n")
	r.ns.Sysctl(t, "nf_conntrack_acct", 0)
	before := time.Now()
	r.gather()
	r.logs(" changed: 2 networks now")
	r.saved(before)
	require.Contains(t, r.child.Stderr(), "2 ports are accounted one by one now")
	require.Contains(t, r.child.Stderr(), "accounting was off (nf_conntrack_acct=0) and is on now")
	require.Equal(t, 10, reported(t, reports))

	for _, command := range []string{"del", "add"} {
		out, err := exec.Command(testkit.Tool("ip"), "netns", command, r.ns.Name).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	r.gather()
	r.logs("is another namespace now")
	require.Eventually(t, func() bool { return strings.Count(r.child.Stderr(), "accounting started: ") == 2 }, 30*time.Second, time.Millisecond)
	require.NoError(t, r.stdin.Close())
	require.NoError(t, r.child.Wait(30*time.Second))
	require.NotContains(t, r.child.Stderr(), "denied")
	require.NotContains(t, r.child.Stderr(), "not permitted")
}

// Without a namespace to enter, nothing but CAP_NET_ADMIN is kept by an ordinary user,
// and the sandbox can be left out.
func TestAnOrdinaryUserKeepsNetAdminOnly(t *testing.T) {
	testkit.Need(t, "setpriv")
	r := newRuns(t)
	require.NoError(t, os.WriteFile(r.config, []byte("[[inputs.conntrack_accounting]]\n  sandbox = false\n"), 0o644))
	folder, err := os.MkdirTemp("", "public") // t.TempDir is root's alone
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	program, config := filepath.Join(folder, "execd-plugin"), filepath.Join(folder, "config")
	for from, to := range map[string]string{r.program: program, r.config: config} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text, 0o755))
	}
	r.child = testkit.StartChild(t, r.ns.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		"--inh-caps=-all,+net_admin,+net_raw", "--ambient-caps=-all,+net_admin,+net_raw", program, "-config", config, "-poll_interval", "1h"))
	r.logs("I! sandbox: capabilities: cap_net_admin; no new privileges; off: Landlock and seccomp (sandbox = false)")
	status := testkit.Privileges(r.child.Pid())
	const netAdmin = "0000000000001000"
	require.Equal(t, []string{netAdmin}, status["CapEff"])
	require.Equal(t, []string{netAdmin}, status["CapPrm"])
	require.Equal(t, []string{"0000000000000000"}, status["CapAmb"])
	require.Equal(t, []string{"1"}, status["NoNewPrivs"])
	require.Equal(t, []string{"0"}, status["Seccomp"])
	require.NoError(t, r.child.Stop())
}

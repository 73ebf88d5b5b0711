package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// publicProgram returns a copy of the input's program that every user may run.
func publicProgram(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "public") // t.TempDir is root's alone
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	program, err := os.ReadFile(testkit.Binary(t, module+"/cmd/execd-plugin"))
	require.NoError(t, err)
	path := filepath.Join(folder, "telegraf-conntrack-accounting")
	require.NoError(t, os.WriteFile(path, program, 0o755))
	return path
}

// An ordinary user with CAP_NET_ADMIN alone can set the sysctls, read the
// table and listen; without it there is one clear error.
func TestOnlyNetAdminIsNeeded(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "setpriv")
	g := newGateway(t)
	program := publicProgram(t)
	nobody := func(capabilities string, args ...string) *testkit.Child {
		options := []string{
			"--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
			"--inh-caps=" + capabilities, "--ambient-caps=" + capabilities, "--bounding-set=" + capabilities,
		}
		return testkit.StartChild(t, g.router.Command(testkit.Tool("setpriv"), append(append(options, program), args...)...))
	}

	with := nobody("-all,+net_admin", "-one-shot")
	require.NoError(t, with.Wait(30*time.Second))
	require.NotContains(t, with.Stderr(), "E! ")
	require.Equal(t, "1\n", g.router.Exec(t, "cat", "/proc/sys/net/netfilter/nf_conntrack_acct"), "set_sysctls")

	g.talk() // with counters now
	with = nobody("-all,+net_admin", "-one-shot")
	require.NoError(t, with.Wait(30*time.Second))
	require.Contains(t, with.Stdout(), "conntrack_accounting,dst="+two4.host+",port=80,proto=tcp,src="+one4.host)

	without := nobody("-all", "-one-shot")
	require.EqualError(t, without.Wait(30*time.Second), "exit status 1")
	require.Regexp(t, `^E! .*needs CAP_NET_ADMIN: run as root, or grant it`, without.Stderr())
	require.Empty(t, without.Stdout())
}

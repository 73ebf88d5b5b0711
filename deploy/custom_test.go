package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// clone stands for git, which would need the network: Telegraf's source is in Go's
// module cache, at the version that go.mod names. go is the one that the tests use.
const clone = `
set -eu
root=$1
go() { "$root/scripts/go" "$@"; }
git() {
    module=$(cd "$root/internal/testkit/telegraf" && GOWORK=off go list -m -f '{{.Dir}} {{.Version}}' github.com/influxdata/telegraf)
    [ "$*" = "clone --depth 1 --branch ${module#* } https://github.com/influxdata/telegraf" ] || { echo "git $*: go.mod has ${module#* }" >&2; exit 1; }
    cp -r --no-preserve=mode "${module% *}" telegraf
}
`

// TestCompiledIntoTelegraf builds a Telegraf that has both plugins in it as
// docs/operations.md says, and runs it with the configuration from there.
func TestCompiledIntoTelegraf(t *testing.T) {
	t.Parallel()
	root, folder := testkit.Root(t), t.TempDir()
	testkit.Telegraf(t) // which fetches its source, and compiles most of it
	require.NoError(t, os.Symlink(root, filepath.Join(folder, "telegraf-conntrack-accounting")))
	const document, heading = "docs/operations.md", "## Compiled into Telegraf"
	build := exec.CommandContext(t.Context(), "sh", "-c", clone+blocks(t, root, document, heading)[0], "sh", root)
	build.Dir = folder
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	pg, gateway := testkit.Database(t), talkative(t)
	for _, key := range []string{"nf_conntrack_acct", "nf_conntrack_timestamp", "nf_conntrack_events"} {
		gateway.Sysctl(t, "net.netfilter."+key, 1)
	}
	config := filepath.Join(folder, "telegraf.conf")
	agent := "[agent]\n  interval = \"1s\"\n  flush_interval = \"1s\"\n  flush_jitter = \"0s\"\n"
	plugins := strings.Replace(blocksOf(t, "toml", root, document, heading)[0], "host=/var/run/postgresql dbname=vpn user=vpn_traffic_writer", pg.DSN(), 1)
	plugins += "  spool = \"" + filepath.Join(folder, "spool") + "\"\n"
	require.NoError(t, os.WriteFile(config, []byte(agent+plugins), 0o600))
	telegraf := func(args ...string) *testkit.Child {
		return testkit.StartChild(t, gateway.Command(filepath.Join(folder, "telegraf", "telegraf"), append([]string{"--config", config}, args...)...))
	}

	require.NoError(t, gateway.UDP("10.32.1.1", "10.32.2.1:53", 3, 100))
	look := telegraf("--test")
	require.NoError(t, look.Wait(time.Minute), look.Stderr())
	require.Regexp(t, `> conntrack_accounting,dst=10\.32\.2\.1,.*src=10\.32\.1\.0 .*src_packets=3i`, look.Stdout(), "what was there before counts")

	running := telegraf()
	stored := func() (packets int) {
		_ = pg.DB().QueryRow("SELECT sum(src_packets) FROM vpn_traffic WHERE src = '10.32.1.0'").Scan(&packets) // at first there is no table
		return packets
	}
	require.Eventually(t, func() bool {
		return strings.Contains(running.Stderr(), "accounting started")
	}, time.Minute, 50*time.Millisecond, running.Stderr())
	require.NoError(t, gateway.UDP("10.32.1.1", "10.32.2.1:53", 5, 100))
	require.Eventually(t, func() bool { return stored() == 5 }, time.Minute, 100*time.Millisecond, running.Stderr())
	requireUnconfined(t, running.Pid())
	require.NoError(t, running.Stop())
	require.NotContains(t, running.Stderr(), " E! ")
}

// requireUnconfined compares what a process may do with what this one may, which has
// started it: plugins take nothing from the Telegraf that they are in.
func requireUnconfined(t *testing.T, pid int) {
	t.Helper()
	rights := func(process string) (lines []string) {
		status, err := os.ReadFile(filepath.Join("/proc", process, "status"))
		require.NoError(t, err)
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") || strings.HasPrefix(line, "Seccomp") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	require.NotEmpty(t, rights("self"))
	require.Equal(t, rights("self"), rights(strconv.Itoa(pid)))
}

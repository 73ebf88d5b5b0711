package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// boot starts the package's units by a real systemd, which stores into a Postgres outside.
func boot(t *testing.T, system, packages string) {
	pg := testkit.Postgres(t)
	require.NoError(t, os.Chmod(pg.Dir(), 0o755)) // Telegraf's user connects
	gateway := talkative(t)
	machine := testkit.StartChild(t, gateway.Command("sh", "-c", `echo 0 >"$0/cgroup.procs" && exec "$@"`, cgroup(t),
		"unshare", "--mount", "--propagation", "private", "--cgroup", "--pid", "--fork", "--kill-child", "--uts", "--ipc",
		"sh", "testdata/boot.sh", system, testkit.Telegraf(t), packages, pg.Dir(), t.TempDir(), "testdata/booted.sh"))
	talkUntilEnded(t, gateway, machine)
	log, _ := os.ReadFile(filepath.Join(packages, "log"))
	require.NoError(t, machine.Wait(time.Minute), "%s\n%s\n%s", log, machine.Stdout(), machine.Stderr())
	var rows int
	require.NoError(t, pg.DB().QueryRow(`SELECT count(*) FROM vpn_traffic WHERE src = '10.32.1.1'`).Scan(&rows))
	require.Positive(t, rows, "%s", log)
}

// cgroup makes a control group for a machine, which has no controllers.
func cgroup(t *testing.T) string {
	t.Helper()
	all := t.TempDir()
	require.NoError(t, unix.Mount("none", all, "cgroup2", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(all, unix.MNT_DETACH)) })
	own, err := os.MkdirTemp(all, "conntrack-accounting-")
	require.NoError(t, err)
	t.Cleanup(func() { removeGroups(t, own) })
	return own
}

// removeGroups removes a control group and those in it, whose files are none to remove.
func removeGroups(t *testing.T, group string) {
	t.Helper()
	var folders []string
	require.NoError(t, filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	}))
	for _, folder := range slices.Backward(folders) {
		require.Eventually(t, func() bool { return unix.Rmdir(folder) == nil }, time.Minute, 10*time.Millisecond, folder)
	}
}

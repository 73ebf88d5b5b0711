package testkit

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Root returns the repository's folder, of which a module below it may be tested.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "psql-sink")); err == nil {
			return dir
		}
	}
	require.FailNow(t, "no cmd/psql-sink above the test's folder")
	return ""
}

// built has the paths of the programs that this process has built.
var built sync.Map

// Binary builds a command of this module, such as
// telegraf-conntrack-accounting/cmd/psql-sink, as make build does, and returns the
// program's path.
func Binary(t testing.TB, pkg string) string {
	t.Helper()
	root := Root(t)
	program := filepath.Join(root, "build", "test", path.Base(pkg))
	locked(t, program, func() {
		if _, done := built.Load(program); done {
			return // to find out that nothing has changed takes go build a second, too
		}
		// The go command itself leaves a program alone that is up to date.
		build := exec.Command("go", "build", "-buildvcs=false", "-o", program, pkg)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		run(t, build)
		built.Store(program, true)
	})
	return program
}

// locked calls fn while no other test process builds the same program.
func locked(t testing.TB, program string, fn func()) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o755))
	lock, err := os.OpenFile(program+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	require.NoError(t, err)
	defer func() { _ = lock.Close() }() // which unlocks
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	fn()
}

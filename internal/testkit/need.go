package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Need skips the test, saying why, when it does not run as root or when one of
// the tools is not installed. Where the environment variable CI is set the
// test fails instead: a run that skips the kernel proves nothing. With -short it
// always skips.
func Need(t testing.TB, tools ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the kernel or a server, which -short leaves out")
	}
	if os.Geteuid() != 0 {
		lack(t, "needs root")
	}
	for _, tool := range tools {
		if Tool(tool) == "" {
			lack(t, "needs %q: not on PATH, in /usr/sbin or in a PostgreSQL server's bin directory", tool)
		}
	}
}

// NeedUserNamespace does the same when the kernel does not let us make a user
// namespace, as in a chroot and in many containers.
func NeedUserNamespace(t testing.TB) {
	t.Helper()
	Need(t, "unshare")
	if out, err := exec.Command(Tool("unshare"), "--user", "--map-root-user", "true").CombinedOutput(); err != nil {
		lack(t, "needs a user namespace: %s", out)
	}
}

func lack(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Tool returns the path of an executable, or "" when it is not installed. It
// also looks where distributions keep administrators' tools and PostgreSQL's
// server programs; of several PostgreSQL versions it takes the newest.
func Tool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	postgres, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(postgres)
	for _, dir := range append([]string{"/usr/sbin", "/sbin"}, postgres...) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

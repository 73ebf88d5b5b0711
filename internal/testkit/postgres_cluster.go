package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// initialize makes the data folder: a copy of the one that initdb has made for an
// earlier test, which takes a quarter of its time.
func (p *PG) initialize() {
	p.t.Helper()
	version, err := exec.Command(Tool("initdb"), "--version").Output()
	require.NoError(p.t, err)
	made := filepath.Join(Root(p.t), "build", "test", strings.ReplaceAll(strings.TrimSpace(string(version)), " ", "-"))
	locked(p.t, made, func() {
		if _, err := os.Stat(made); err == nil {
			return
		}
		p.must("initdb", "-D", p.data(), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N")
		require.NoError(p.t, os.RemoveAll(made+".new")) // of a test that was killed here
		p.copyTree(p.data(), made+".new")
		require.NoError(p.t, os.Rename(made+".new", made))
	})
	if _, err := os.Stat(p.data()); err != nil {
		p.copyTree(made, p.data())
	}
}

// copyTree copies a folder with its owners and modes.
func (p *PG) copyTree(from, to string) {
	p.t.Helper()
	run(p.t, exec.Command("cp", "-a", from, to))
}

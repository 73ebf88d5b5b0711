// Package demo_test runs the demo as "make run" does.
package demo_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// TestRun waits for a table with traffic of both families, presses Ctrl-C, and
// looks for what is left behind.
func TestRun(t *testing.T) {
	testkit.Need(t, "ip", "nft", "ping", "setpriv", "psql", "initdb", "influxd", "influx")
	root := testkit.Root(t)
	testkit.Telegraf(t)
	build := exec.CommandContext(t.Context(), "make", "build")
	build.Dir = root
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = read.Close() }()
	require.NoError(t, read.SetReadDeadline(time.Now().Add(3*time.Minute)))
	demo := exec.CommandContext(t.Context(), filepath.Join(root, "demo", "run"))
	demo.Env = append(os.Environ(), "GATEWAY=demo", "DURATION=")
	demo.Stdout, demo.Stderr = write, write
	demo.Cancel = func() error { return demo.Process.Signal(syscall.SIGTERM) } // it cleans up
	require.NoError(t, demo.Start())
	require.NoError(t, write.Close())

	lines := bufio.NewReader(read)
	var seen strings.Builder
	for !strings.Contains(seen.String(), "| 10.32.") || !strings.Contains(seen.String(), "| 2001:db8:") {
		line, err := lines.ReadString('\n')
		seen.WriteString(line)
		require.NoError(t, err, "%s", &seen)
	}

	// As a terminal does, but not to the programs that it started: those it
	// ends itself.
	require.NoError(t, demo.Process.Signal(syscall.SIGINT))
	_, err = io.Copy(&seen, lines) // until the last process with this pipe has ended
	require.NoError(t, err, "%s", &seen)
	require.EqualError(t, demo.Wait(), "exit status 130", "%s", &seen)

	id := demo.Process.Pid
	namespaces, err := filepath.Glob(fmt.Sprintf("/run/netns/demo%d-*", id))
	require.NoError(t, err)
	require.Empty(t, namespaces)
	require.NoDirExists(t, filepath.Join(root, "demo", "state", fmt.Sprint(id)))
}

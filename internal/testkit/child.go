package testkit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stopTime is how long a child may take to end after SIGTERM. It covers the ten
// seconds that Telegraf gives its own children.
const stopTime = 30 * time.Second

// Child is a program that a test has started. It is stopped at the latest when
// the test ends.
type Child struct {
	t      testing.TB
	cmd    *exec.Cmd
	folder string
	ended  chan struct{} // closed when the process has ended with err
	err    error
}

// StartChild starts a command, and keeps what it writes in files.
func StartChild(t testing.TB, cmd *exec.Cmd) *Child {
	t.Helper()
	c := &Child{t: t, cmd: cmd, folder: t.TempDir(), ended: make(chan struct{})}
	stdout, err := os.Create(c.file("stdout"))
	require.NoError(t, err)
	defer func() { _ = stdout.Close() }()
	stderr, err := os.Create(c.file("stderr"))
	require.NoError(t, err)
	defer func() { _ = stderr.Close() }()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// A process group of its own, so that Ctrl-C leaves it to the test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	go func() { // until the process ends, which cleanup sees to
		c.err = cmd.Wait()
		close(c.ended)
	}()
	t.Cleanup(c.cleanup)
	return c
}

func (c *Child) file(name string) string { return filepath.Join(c.folder, name) }

// Stdout returns what the child has written to its standard output so far.
func (c *Child) Stdout() string { return c.read("stdout") }

// Stderr returns what the child has written to its standard error so far; for
// servers and for Telegraf that is the log.
func (c *Child) Stderr() string { return c.read("stderr") }

func (c *Child) read(name string) string {
	text, err := os.ReadFile(c.file(name))
	require.NoError(c.t, err)
	return string(text)
}

// Pid returns the process id.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Ended is closed when the child has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Signal sends a signal, to a child that may have ended already.
func (c *Child) Signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(c.t, err)
	}
}

// Wait waits until the child ends and returns the error of its exit code. The
// test fails if it takes longer than the limit.
func (c *Child) Wait(limit time.Duration) error {
	c.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.ended:
		return c.err
	case <-timer.C:
		require.FailNow(c.t, "child did not end", "%v still runs after %v; its log:\n%s", c.cmd.Args, limit, c.Stderr())
		return nil
	}
}

// Stop sends SIGTERM and waits.
func (c *Child) Stop() error {
	c.t.Helper()
	c.Signal(syscall.SIGTERM)
	return c.Wait(stopTime)
}

// Kill kills a child that runs, and what it has started, which would go on without it. It
// waits until the child has ended.
func (c *Child) Kill() {
	c.t.Helper()
	require.NoError(c.t, syscall.Kill(-c.Pid(), syscall.SIGKILL))
	require.Error(c.t, c.Wait(time.Minute))
}

func (c *Child) cleanup() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	shown := 4000
	select {
	case <-c.ended:
	case <-time.After(stopTime):
		shown = 40_000
		c.abort()
	}
	if c.t.Failed() {
		log := c.Stderr()
		c.t.Logf("the end of the log of %v:\n%s", c.cmd.Args, log[max(0, len(log)-shown):])
	}
}

// abort ends a child that hangs. A program of Go logs at SIGQUIT what its goroutines do.
func (c *Child) abort() {
	_ = c.cmd.Process.Signal(syscall.SIGQUIT)
	timer := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	<-c.ended
}

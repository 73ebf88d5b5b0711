package execd

import (
	"bytes"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// eventually waits until the child has written a text.
func eventually(t *testing.T, written func() string, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(written(), text) }, time.Minute, 5*time.Millisecond, text)
}

// Without Telegraf nobody holds the other end of stdin: the plugin gathers by
// itself until a signal ends it.
func TestPollsWithoutTelegraf(t *testing.T) {
	t.Parallel()
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		process := testkit.StartChild(t, child("input", "--poll_interval", "20ms")) // its stdin is /dev/null
		eventually(t, process.Stdout, "gather=3i")
		process.Signal(end)
		require.NoError(t, process.Wait(20*time.Second))
		require.Equal(t, "I! started\nW! stopped\n", process.Stderr())
	}
}

// A signal may come sooner than the next interval, and is no end.
func TestPollsAndIsAsked(t *testing.T) {
	t.Parallel()
	process := testkit.StartChild(t, child("input", "-poll_interval", "1h"))
	eventually(t, process.Stderr, "started")
	for _, c := range []struct {
		signal syscall.Signal
		want   string
	}{{syscall.SIGHUP, "gather=1i"}, {syscall.SIGUSR1, "gather=2i"}, {syscall.SIGUSR2, "gather=3i"}} {
		process.Signal(c.signal)
		eventually(t, process.Stdout, c.want)
	}
	require.NoError(t, process.Stop())
	require.Contains(t, process.Stdout(), "gather=4i", "what was sent since")
}

// Whatever waits while a gather goes on is one gather, so that the end is never
// far.
func TestWaitingRequestsAreOneGather(t *testing.T) {
	t.Parallel()
	const newlines = 100_000
	cmd := child("input", "-config", file(t, "probe.conf", "[[inputs.probe]]\ncount = 10_000\n"))
	cmd.Stdin = bytes.NewReader(bytes.Repeat([]byte("\n"), newlines))
	process := testkit.StartChild(t, cmd)
	require.NoError(t, process.Wait(20*time.Second))
	sizes := gatherSizes(process.Stdout())
	require.Less(t, len(sizes), 1000)
	for number, size := range sizes {
		require.Equal(t, 10_000, size, number)
	}
}

// The lack of requests is logged once, and so is its end.
func TestSilenceIsSaid(t *testing.T) {
	t.Parallel()
	const silent, heard = "W! no request to gather for ", "I! a gather was requested after "
	cmd := child("lonely input")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	process := testkit.StartChild(t, cmd)
	for i := range 2 {
		eventually(t, func() string { return strings.Repeat("x", strings.Count(process.Stderr(), silent)) }, strings.Repeat("x", i+1))
		_, err = io.WriteString(stdin, "\n\n")
		require.NoError(t, err)
		eventually(t, func() string { return strings.Repeat("x", strings.Count(process.Stderr(), heard)) }, strings.Repeat("x", i+1))
	}
	require.NoError(t, stdin.Close())
	require.NoError(t, process.Wait(20*time.Second))
	require.Contains(t, process.Stderr(), `set signal = "STDIN" in [[inputs.execd]], or with signal = "none" add "-poll_interval", "15s" to its command`)
	require.Regexp(t, `^I! started\nW! no req[^\n]*\nI! a gather[^\n]*\nW! no req[^\n]*\nI! a gather[^\n]*\n(W! no req[^\n]*\n)?W! stopped\n$`, process.Stderr())
}

// Who polls waits for nobody.
func TestNoSilenceWhilePolling(t *testing.T) {
	t.Parallel()
	process := testkit.StartChild(t, child("lonely input", "-poll_interval", "300ms"))
	eventually(t, process.Stdout, "gather=3i")
	process.Signal(syscall.SIGHUP)
	eventually(t, process.Stdout, "gather=6i")
	require.NoError(t, process.Stop())
	require.NotContains(t, process.Stderr(), "no request")
	require.NotContains(t, process.Stderr(), "was requested")
}

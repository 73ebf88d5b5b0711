package execd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOutput(t *testing.T) {
	t.Parallel()
	const hello, bye = "I! connected\n", "W! closed\n"
	many := func(line string, n int) string { return strings.Repeat(line, n) }
	for name, c := range map[string]struct {
		config, stdin          string
		stdout, stderr, stored string
		code                   int
	}{
		"nothing":  {stdout: hello, stderr: bye, stored: "connect\nclose\n"},
		"one line": {stdin: "a f=1i 1\n", stdout: hello, stderr: bye, stored: "connect\na \nclose\n"},
		"batches": {
			stdin: many("a f=1i 1\n", batchLines+2), stdout: hello, stderr: bye,
			stored: "connect\n" + many("a ", batchLines) + "\na a \nclose\n",
		},
		"bad line": {
			stdin: "a f=1i 1\nb f=oops\n\nc f=1i 1\n", stdout: hello, stored: "connect\na c \nclose\n",
			stderr: "E! rejected line 2: at column 5: field value has unrecognized type: \"b f=oops\"\n" + bye,
		},
		"many bad lines": {
			stdin: many("oops\n", 12) + "a f=1i 1\n", stdout: hello, stored: "connect\na \nclose\n",
			stderr: rejects(1, 10) + "E! rejected 2 more lines, after the 10 above\n" + bye,
		},
		"only bad lines": {stdin: "oops\n", stdout: hello, stored: "connect\nclose\n", stderr: rejects(1, 1) + bye},
		"cut off": {
			stdin: "a f=1i 1\nb f=1i 1", stdout: hello, stored: "connect\na \nclose\n",
			stderr: "E! rejected line 2: cut off by the end of stdin: \"b f=1i 1\"\n" + bye,
		},
		"long bad line": {
			stdin: many("x", 100_000) + "\n", stdout: hello, stored: "connect\nclose\n",
			stderr: "E! rejected line 1: at column 100001: empty tag name: \"" + many("x", 80) + "\"...\n" + bye,
		},
		"long line": {
			stdin: "a f=\"" + many("x", 1<<19) + "\" 1\n", stdout: hello, stderr: bye, stored: "connect\na \nclose\n",
		},
		"write fails": {
			config: "fail = true", stdin: "a f=1i 1\n", stdout: hello, stored: "connect\nclose\n", code: 1,
			stderr: "E! writing 1 metrics: disk full\n" + bye,
		},
		"full": {
			config: "limit = 3", stdin: "a f=1i 1\nb f=1i 1\nc f=1i 1\n", stdout: hello, stored: "connect\na b c \nclose\n",
			stderr: bye,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, stored := storeConfig(t, c.config)
			stdout, stderr, code := run(t, child("output", "-config", config), c.stdin)
			require.Equal(t, c.stdout, stdout)
			require.Equal(t, c.stderr, stderr)
			require.Equal(t, c.stored, read(t, stored))
			require.Equal(t, c.code, code)
		})
	}
}

// A plugin that asks for it hears of every line that is left out, also of those
// that are no longer logged, before the Write of what came with it.
func TestOutputLogsRejectedLines(t *testing.T) {
	t.Parallel()
	const oops = "!oops (at column 5: empty tag name) "
	for name, c := range map[string]struct{ stdin, stored string }{
		"in a good batch":    {"a f=1i 1\noops\nb f=1i 1\noops\n", oops + oops + "a b \n"},
		"more than are told": {strings.Repeat("oops\n", 12) + "a f=1i 1\n", strings.Repeat(oops, 12) + "a \n"},
		"nothing else":       {"# a comment\n\noops\n", oops + "\n"},
		"cut off":            {"a f=1i 1", "!a f=1i 1 (cut off by the end of stdin) \n"},
		"nothing to tell":    {"# a comment\n\na f=1i 1\n", "a \n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, stored := storeConfig(t, "")
			_, _, code := run(t, child("counting output", "-config", config), c.stdin)
			require.Zero(t, code)
			require.Equal(t, "connect\n"+c.stored+"close\n", read(t, stored))
		})
	}
}

func rejects(from, to int) string {
	text := ""
	for line := from; line <= to; line++ {
		text += fmt.Sprintf("E! rejected line %d: at column 5: empty tag name: \"oops\"\n", line)
	}
	return text
}

// storeConfig returns the paths of a configuration of the store and of the file
// it writes.
func storeConfig(t *testing.T, more string) (config, stored string) {
	t.Helper()
	stored = filepath.Join(t.TempDir(), "stored")
	return file(t, "store.conf", "[[outputs.store]]\nfile = %q\n%s\n", stored, more), stored
}

// read returns a file's text, which may not be there yet.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return string(text)
}

// outputChild runs the store until the test ends it.
type outputChild struct {
	stdin  io.WriteCloser
	stderr bytes.Buffer
	stored string
	signal func(os.Signal) error
	wait   func() error
}

func startOutput(t *testing.T, more string) *outputChild {
	t.Helper()
	config, stored := storeConfig(t, more)
	c := &outputChild{stored: stored}
	cmd := child("output", "-config", config)
	cmd.Stderr = &c.stderr
	var err error
	c.stdin, err = cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c.signal, c.wait = cmd.Process.Signal, cmd.Wait
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return c
}

func (c *outputChild) write(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(c.stdin, text)
	require.NoError(t, err)
}

func (c *outputChild) await(t *testing.T, stored string) {
	t.Helper()
	require.Eventually(t, func() bool { return read(t, c.stored) == stored }, 20*time.Second, 10*time.Millisecond,
		"wanted: %q", stored)
}

// TestOutputDeliversPartialBatches also sends the signals that end other
// programs.
func TestOutputDeliversPartialBatches(t *testing.T) {
	t.Parallel()
	c := startOutput(t, "")
	c.write(t, "a f=1i 1\nb f")
	c.await(t, "connect\na \n")
	require.NoError(t, c.signal(syscall.SIGTERM))
	require.NoError(t, c.signal(os.Interrupt))
	require.NoError(t, c.signal(syscall.SIGHUP))
	c.write(t, "=1i 1\noops f=\"x\"y\nc f=1i 1\n")
	c.await(t, "connect\na \nb c \n")
	require.NoError(t, c.stdin.Close())
	require.NoError(t, c.wait())
	c.await(t, "connect\na \nb c \nclose\n")
	require.Contains(t, c.stderr.String(), `E! rejected line 3: at column 11: `)
}

// TestOutputTrickle writes lines faster than the output can become idle.
func TestOutputTrickle(t *testing.T) {
	t.Parallel()
	c := startOutput(t, "")
	require.Eventually(t, func() bool {
		c.write(t, "a f=1i 1\n")
		return strings.Contains(read(t, c.stored), "a \n")
	}, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, c.stdin.Close())
	require.NoError(t, c.wait())
}

// TestOutputRefuses checks that a full store ends the process with all that was
// written to it delivered.
func TestOutputRefuses(t *testing.T) {
	t.Parallel()
	c := startOutput(t, "limit = 2")
	c.write(t, "a f=1i 1\n")
	c.await(t, "connect\na \n")
	c.write(t, "b f=1i 1\n")
	require.Error(t, c.wait())
	require.Equal(t, "connect\na \nb \nclose\n", read(t, c.stored))
	require.Equal(t, "E! the spool is full\nW! closed\n", c.stderr.String())
}

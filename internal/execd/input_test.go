package execd

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// run runs a child with a whole stdin; it returns what it wrote and its exit
// code.
func run(t *testing.T, cmd *exec.Cmd, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	var out, log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &log
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return out.String(), log.String(), cmd.ProcessState.ExitCode()
}

const probeLine = "probe,dst=10.0.0.0,oneshot=%v,proto=tcp connection_count=1i,connection_times=0i,dst_bytes=0i,dst_packets=0i,gather=%di,src_bytes=0i,src_packets=0i 1700000000000000000\n"

func gathers(oneShot bool, numbers ...int) string {
	var text strings.Builder
	for _, n := range numbers {
		fmt.Fprintf(&text, probeLine, oneShot, n)
	}
	return text.String()
}

func TestInput(t *testing.T) {
	t.Parallel()
	const quiet = "I! started\nW! stopped\n"
	for name, c := range map[string]struct {
		config, stdin  string
		args           []string
		stdout, stderr string
		code           int
	}{
		"a newline, then the end": {stdin: "\n", stdout: gathers(false, 1, 2), stderr: quiet},
		"the end at once":         {stdout: gathers(false, 1), stderr: quiet},
		"one shot":                {stdin: "\n\n", args: []string{"-one-shot"}, stdout: gathers(true, 1), stderr: quiet},
		"debug":                   {args: []string{"--debug"}, stdout: gathers(false, 1), stderr: "I! started\nD! details\nW! stopped\n"},
		"a gather fails": {
			config: "[[inputs.probe]]\nfail_at = 1", stdin: "\n", stdout: gathers(false, 2),
			stderr: "I! started\nE! Error in plugin: lost the table\nE! gathering: no dump\nW! stopped\n",
		},
		"a gather fails for good": {
			config: "[[inputs.probe]]\ndie_at = 1", stdin: "\n", stdout: gathers(false, 1), code: 1,
			stderr: "I! started\nW! stopped\nE! gathering: lost all: the socket\n",
		},
		"init fails": {
			config: "[[inputs.probe]]\nno_init = true", code: 1,
			stderr: "E! checking the settings of inputs.probe: count must be\nE! positive\n",
		},
		"start fails":          {config: "[[inputs.probe]]\nno_start = true", code: 1, stderr: "E! starting inputs.probe: no conntrack here\n"},
		"wrong configuration":  {config: "[[inputs.probe]]\ncuont = 1", code: 1, stderr: "E! CONFIG: line 2: unknown key \"cuont\"; did you mean \"count\"?\n"},
		"unknown flag":         {args: []string{"-interval", "1s"}, code: 2, stderr: "E! flag provided but not defined: -interval; see probe -help\n"},
		"negative interval":    {args: []string{"-poll_interval=-1s"}, code: 2, stderr: "E! -poll_interval -1s: want more than 0; see probe -help\n"},
		"one shot never polls": {args: []string{"-one-shot", "-poll_interval", "1h"}, stdout: gathers(true, 1), stderr: quiet},
		"a misspelt flag":      {args: []string{"--one-shto"}, code: 2, stderr: "E! flag provided but not defined: -one-shto; did you mean \"-one-shot\"?; see probe -help\n"},
		"argument":             {args: []string{"x.conf"}, code: 2, stderr: "E! there is no command \"x.conf\"; see probe -help\n"},
		"version":              {args: []string{"--version"}, stdout: "probe 1.2.3\n"},
		"sample":               {args: []string{"-sample-config"}, stdout: "[[inputs.probe]]\n  # count = 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args, path := c.args, ""
			if c.config != "" {
				path = file(t, "probe.conf", "%s", c.config)
				args = append([]string{"-config", path}, args...)
			}
			stdout, stderr, code := run(t, child("input", args...), c.stdin)
			require.Equal(t, strings.ReplaceAll(c.stderr, "CONFIG", path), stderr)
			require.Equal(t, sortedFields(c.stdout), sortedFields(stdout))
			require.Equal(t, c.code, code)
		})
	}
}

// sortedFields puts fields in order, which Go's maps do not keep.
func sortedFields(text string) string {
	return regexp.MustCompile(` \S+=\S+ `).ReplaceAllStringFunc(text, func(fields string) string {
		list := strings.Split(strings.TrimSpace(fields), ",")
		slices.Sort(list)
		return " " + strings.Join(list, ",") + " "
	})
}

// Requests that waited together are one gather; the end brings the last one.
func TestInputRequestsThatWaitedTogether(t *testing.T) {
	t.Parallel()
	stdin, err := os.Open(file(t, "newlines", "%s", strings.Repeat("\n", 100_000)))
	require.NoError(t, err)
	defer func() { require.NoError(t, stdin.Close()) }()
	cmd := child("input")
	cmd.Stdin = stdin
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, sortedFields(gathers(false, 1, 2)), sortedFields(string(out)))
}

// A gather that is stuck because nobody reads the metrics is mentioned, and that
// it is over; newlines that came meanwhile are one gather.
func TestInputNobodyReads(t *testing.T) {
	t.Parallel()
	const metrics = 2000 // more than the pipe holds
	cmd := child("impatient input", "-config", file(t, "probe.conf", "[[inputs.probe]]\ncount = %d", metrics))
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.WriteString(stdin, "\n")
	require.NoError(t, err)
	log := bufio.NewScanner(stderr)
	requireLine(t, log, "Telegraf has not read our metrics for")
	_, err = io.WriteString(stdin, strings.Repeat("\n", 100))
	require.NoError(t, err)
	lines := make(chan int)
	go func() { lines <- countLines(stdout) }()
	requireLine(t, log, "the gather is over, after")
	require.NoError(t, stdin.Close())
	require.Equal(t, 3*metrics, <-lines)
	require.NoError(t, cmd.Wait())
}

// requireLine reads a log until a line holds the text.
func requireLine(t *testing.T, log *bufio.Scanner, text string) {
	t.Helper()
	for log.Scan() {
		if strings.Contains(log.Text(), text) {
			return
		}
	}
	require.Fail(t, "the log ended without it", text)
}

func TestInputHelp(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := run(t, child("input", "-help"), "")
	require.Zero(t, code)
	require.Empty(t, stderr)
	for _, flag := range []string{"-config file", "-one-shot", "-sample-config", "-version", "-debug"} {
		require.Contains(t, stdout, flag)
	}
}

// TestInputEndLosesNothing plays Telegraf's end of the pipes, which it closes
// as soon as it sees that the child has ended.
func TestInputEndLosesNothing(t *testing.T) {
	t.Parallel()
	const metrics = 2000 // more than the pipe holds
	config := file(t, "probe.conf", "[[inputs.probe]]\ncount = %d", metrics)
	for range 40 {
		cmd := child("input", "-config", config)
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		require.NoError(t, stdin.Close())
		lines := make(chan int)
		go func() {
			lines <- countLines(stdout)
		}()
		require.NoError(t, cmd.Wait()) // closes stdout
		require.Equal(t, metrics, <-lines)
	}
}

// countLines reads at the leisurely pace of a busy machine.
func countLines(r io.Reader) int {
	n, buf := 0, make([]byte, 8<<10)
	for {
		time.Sleep(100 * time.Microsecond)
		k, err := r.Read(buf)
		n += bytes.Count(buf[:k], []byte("\n"))
		if err != nil {
			return n
		}
	}
}

func TestInputIgnoresSignals(t *testing.T) {
	t.Parallel()
	cmd := child("input")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	var out bytes.Buffer
	cmd.Stdout = &out
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	started := make([]byte, 100)
	n, err := log.Read(started)
	require.NoError(t, err)
	require.Equal(t, "I! started\n", string(started[:n]))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_, err = io.WriteString(stdin, "\n")
	require.NoError(t, err)
	require.NoError(t, stdin.Close())
	_, err = io.Copy(io.Discard, log)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.Equal(t, 2, strings.Count(out.String(), "\n"))
}

// Delivered is called when the plugin's metrics have been written, and only
// then.
func TestInputTellsWhatIsDelivered(t *testing.T) {
	t.Parallel()
	cmd := child("input", "-config", file(t, "probe.conf", "[[inputs.probe]]\ntell = true\n"))
	var both bytes.Buffer // in the order of the writes
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("\n"), &both, &both
	require.NoError(t, cmd.Run())
	require.Regexp(t, `^I! started\nprobe,.*gather=1i.*\nI! delivered 1\nprobe,.*gather=2i.*\nI! delivered 2\nW! stopped\n$`, both.String())

	cmd = child("input", "-config", file(t, "probe.conf", "[[inputs.probe]]\ntell = true\n"))
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	var log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("\n"), writer, &log
	require.Error(t, cmd.Run())
	require.NoError(t, writer.Close())
	require.NotContains(t, log.String(), "delivered")
}

func TestInputReaderGone(t *testing.T) {
	t.Parallel()
	cmd := child("input")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var log bytes.Buffer
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	require.NoError(t, stdout.Close())
	_, err = io.WriteString(stdin, "\n")
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Equal(t, "I! started\nW! stopped\nE! nobody reads the metrics any more: Telegraf has closed the other end of stdout\n", log.String())
}

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// program is an execd-plugin as Telegraf runs it.
type program struct {
	b      *testing.B
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// startProgram starts the program on the namespace and waits until it has taken
// its baseline.
func startProgram(b *testing.B, ns *testkit.Netns, path string, options ...string) *program {
	file := filepath.Join(b.TempDir(), "input.conf")
	text := fmt.Sprintf("[[inputs.conntrack_accounting]]\nnetwork_namespace = %q\n%s\n", ns.Path(), strings.Join(options, "\n"))
	require.NoError(b, os.WriteFile(file, []byte(text), 0o644))
	p := &program{b: b, cmd: exec.Command(path, "-config", file)}
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(b, err)
	p.stdout = bufio.NewReaderSize(stdout, 1<<20)
	stderr, err := p.cmd.StderrPipe()
	require.NoError(b, err)
	require.NoError(b, p.cmd.Start())
	log := bufio.NewScanner(stderr)
	for started := false; !started; started = strings.Contains(log.Text(), "accounting started") {
		require.True(b, log.Scan(), "the program ended before it started to account")
	}
	go func() { // until the program ends
		for log.Scan() {
			_ = log.Text()
		}
	}()
	return p
}

// gather asks for a gather and reads what it says, to its last line, which is
// about the plugin itself. It returns how many series there were.
func (p *program) gather() (series int) {
	_, err := io.WriteString(p.stdin, "\n")
	require.NoError(p.b, err)
	for ; ; series++ {
		line, err := p.stdout.ReadSlice('\n')
		require.NoError(p.b, err)
		if bytes.HasPrefix(line, []byte("conntrack_accounting_internal")) {
			return series
		}
	}
}

// stop ends the program and returns the CPU time that it took.
func (p *program) stop() time.Duration {
	require.NoError(p.b, p.stdin.Close())
	_, err := io.Copy(io.Discard, p.stdout)
	require.NoError(p.b, err)
	require.NoError(p.b, p.cmd.Wait())
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

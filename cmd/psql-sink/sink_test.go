package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// program is the real psql-sink, its configuration and its spool.
type program struct {
	t                   testing.TB
	path, config, spool string
	log                 logText
}

// logText is a log that a test reads while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func build(t testing.TB, dsn string) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{
		t: t, path: testkit.Binary(t, "telegraf-conntrack-accounting/cmd/psql-sink"),
		config: filepath.Join(dir, "sink.conf"), spool: filepath.Join(dir, "spool"),
	}
	p.configure("dsn = %q", dsn)
	return p
}

// configure writes the configuration: one line of options. The rows of tests
// are old, and kept for ever.
func (p *program) configure(format string, args ...any) {
	p.t.Helper()
	text := fmt.Sprintf("[[outputs.vpn_traffic]]\n  spool = %q\n  retention = 0\n  retention_minute = 0\n  retention_hour = 0\n  %s\n", p.spool, fmt.Sprintf(format, args...))
	require.NoError(p.t, os.WriteFile(p.config, []byte(text), 0o600))
}

// command prepares the program, which logs to p.log.
func (p *program) command(stdin io.Reader, args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, args...)
	log := io.MultiWriter(p.t.Output(), &p.log)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, log, log
	return cmd
}

// start runs the program; it is killed at the end if it still runs.
func (p *program) start(stdin io.Reader, args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := p.command(stdin, append(args, "-config", p.config)...)
	require.NoError(p.t, cmd.Start())
	p.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

// end sends SIGTERM and requires that the program ends well.
func end(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
}

// logs waits until the program has logged a text.
func (p *program) logs(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.log.String(), text) }, time.Minute, 10*time.Millisecond, text)
}

// finish imports what a program had no time for at its end.
func (p *program) finish() {
	p.t.Helper()
	if p.waiting() == 0 {
		return
	}
	rest := p.start(nil, "watch")
	p.drained()
	end(p.t, rest)
}

// drained waits until nothing is left to import.
func (p *program) drained() {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.waiting() == 0 }, 2*time.Minute, 10*time.Millisecond)
}

// reports returns the reports that wait: what a kill left half-written is none.
func (p *program) reports() []string {
	files, err := filepath.Glob(filepath.Join(p.spool, "new", "[^.]*"))
	require.NoError(p.t, err)
	return files
}

func (p *program) waiting() int { return len(p.reports()) }

// stored counts the rows in the files that wait.
func (p *program) stored() (rows int) {
	for _, file := range p.reports() {
		text, err := os.ReadFile(file)
		require.NoError(p.t, err)
		rows += bytes.Count(text, []byte("\n"))
	}
	return rows
}

// rejected returns all that is in the spool's rejected/.
func (p *program) rejected() string {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.spool, "rejected", "*"))
	require.NoError(p.t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(p.t, err)
		all.Write(text)
	}
	return all.String()
}

package progress_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/progress"
)

// screen is the user's end of a terminal.
type screen struct {
	tty *os.File

	mu   sync.Mutex
	text strings.Builder
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	t.Setenv("TERM", "xterm")
	user, tty, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 100}))
	s := &screen{tty: tty}
	ended := make(chan struct{})
	go func() { // until the terminal is closed
		defer close(ended)
		_, _ = io.Copy(s, user)
	}()
	t.Cleanup(func() {
		_ = tty.Close()
		<-ended
		_ = user.Close()
	})
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) waitFor(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.Eventually(t, func() bool { return strings.Contains(s.String(), text) }, time.Minute, 5*time.Millisecond, text)
	}
}

func TestABarOnATerminal(t *testing.T) {
	s := newScreen(t)
	p := progress.Start(s.tty, progress.Options{Job: "importing", Total: 100})
	p.Add(43, 1234)
	s.waitFor(t, "importing 43 % [===", "--] 1,234 rows, ", " left")
	_, err := io.WriteString(p, "W! a warning\n")
	require.NoError(t, err)
	s.waitFor(t, "W! a warning\r\n")
	p.Add(57, 0)
	s.waitFor(t, "importing 100 % [===")
	p.Stop()
	p.Stop()
	_, err = io.WriteString(p, "the last word\n")
	require.NoError(t, err)
	s.waitFor(t, "the last word\r\n")
	shown := s.String()
	require.Equal(t, 1, strings.Count(shown, "W! a warning"))
	_, last, _ := strings.Cut(shown[strings.LastIndex(shown, "importing"):], "\n")
	require.Equal(t, "\x1b[1A\x1b[Jthe last word\r\n", last, "the bar is gone")
}

func TestAStreamHasNoBar(t *testing.T) {
	s := newScreen(t)
	p := progress.Start(s.tty, progress.Options{Job: "importing"})
	p.Add(1000, 77)
	s.waitFor(t, "importing", "77 rows, ")
	p.Stop()
	require.NotContains(t, s.String(), "%")
	require.NotContains(t, s.String(), "[=")
}

func TestPlainLinesElsewhere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	read := func() string {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(text)
	}
	p := progress.Start(file, progress.Options{Job: "importing", Total: 10, Every: time.Millisecond})
	p.Add(5, 6)
	_, err = io.WriteString(p, "W! a warning\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(read(), "importing 50 %, 6 rows, ") }, time.Minute, time.Millisecond)
	p.Stop()
	all := read()
	require.Contains(t, all, "W! a warning\n")
	require.NotContains(t, all, "\x1b")
	for line := range strings.Lines(all) {
		require.Regexp(t, `^(importing \d+ %, \d rows, .*|W! a warning)\n$`, line)
	}
	time.Sleep(20 * time.Millisecond)
	require.Equal(t, all, read(), "nothing after Stop")
}

func TestADumbTerminalGetsPlainLines(t *testing.T) {
	s := newScreen(t)
	t.Setenv("TERM", "dumb")
	p := progress.Start(s.tty, progress.Options{Job: "importing", Total: 10, Every: time.Millisecond})
	s.waitFor(t, "importing 0 %, 0 rows, ")
	p.Stop()
	require.NotContains(t, s.String(), "\x1b")
}

package testkit

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Manager is the end of systemd that services talk to.
type Manager struct {
	t    testing.TB
	path string

	mu   sync.Mutex
	text strings.Builder
}

// NewManager listens as systemd does, until the test ends.
func NewManager(t testing.TB) *Manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // not t.TempDir: a socket's path must stay below 108 bytes
	require.NoError(t, err)
	m := &Manager{t: t, path: filepath.Join(dir, "socket")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	require.NoError(t, err)
	read := make(chan struct{})
	go func() { // until the socket is closed
		defer close(read)
		m.read(conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-read
		_ = os.RemoveAll(dir)
	})
	return m
}

func (m *Manager) read(conn *net.UnixConn) {
	message := make([]byte, 4<<10)
	for {
		n, err := conn.Read(message)
		if err != nil {
			return
		}
		m.mu.Lock()
		_, _ = m.text.Write(append(message[:n], '\n'))
		m.mu.Unlock()
	}
}

// Environment returns the variables of a service that is to report at this interval, 0
// for no watchdog.
func (m *Manager) Environment(watchdog time.Duration) []string {
	env := []string{"NOTIFY_SOCKET=" + m.path}
	if watchdog > 0 {
		env = append(env, "WATCHDOG_USEC="+strconv.FormatInt(watchdog.Microseconds(), 10))
	}
	return env
}

// Text returns all that was said.
func (m *Manager) Text() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

// Hears waits until something was said.
func (m *Manager) Hears(text string) {
	m.t.Helper()
	require.Eventually(m.t, func() bool { return strings.Contains(m.Text(), text) }, time.Minute, 5*time.Millisecond, text)
}

// HearsMore waits until something was said a few times more.
func (m *Manager) HearsMore(text string) {
	m.t.Helper()
	before := strings.Count(m.Text(), text)
	require.Eventually(m.t, func() bool { return strings.Count(m.Text(), text) > before+5 }, time.Minute, 5*time.Millisecond, text)
}

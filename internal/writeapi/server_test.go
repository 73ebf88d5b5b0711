package writeapi

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/execd"
)

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		accepting error
		stuck     bool
		want      int
	}{{nil, false, http.StatusOK}, {os.ErrInvalid, false, http.StatusServiceUnavailable}, {nil, true, http.StatusServiceUnavailable}} {
		s := New(Options{Accepting: func() error { return c.accepting }, Stuck: func() bool { return c.stuck }, Log: execd.NewLogger(io.Discard, io.Discard, false)})
		answer := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", nil))
		require.Equal(t, c.want, answer.Code)
	}
}

// A socket is removed only when nobody is behind it: a process that is too busy to accept
// does not lose its own.
func TestSocketsOfOthersStay(t *testing.T) {
	address := Address{network: "unix", at: filepath.Join(t.TempDir(), "s")}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: address.at}))
	require.NoError(t, unix.Listen(fd, 0))
	for err == nil { // until there is no room to wait in
		var conn net.Conn
		if conn, err = net.Dial("unix", address.at); err == nil {
			defer func() { _ = conn.Close() }()
		}
	}
	_, err = address.Listen(nil, execd.NewLogger(io.Discard, io.Discard, false))
	require.ErrorContains(t, err, "may be the socket of another process")
	require.FileExists(t, address.at)

	require.NoError(t, unix.Close(fd))
	l, err := address.Listen(nil, execd.NewLogger(io.Discard, io.Discard, false))
	require.NoError(t, err, "its process has ended")
	require.NoError(t, l.Close())
}

func TestNetworkOfAClient(t *testing.T) {
	for at, want := range map[string]string{
		"10.1.2.3:4": "10.1.2.3", "[2001:db8::1:2]:3": "2001:db8::/64", "[fe80::1%lo]:3": "fe80::/64", "[::ffff:10.1.2.3]:4": "10.1.2.3",
	} {
		address, err := net.ResolveTCPAddr("tcp", at)
		require.NoError(t, err)
		require.Equal(t, want, network(address))
	}
}

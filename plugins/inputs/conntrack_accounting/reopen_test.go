package conntrack_accounting

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An event socket that fails is replaced while the plugin runs: that is logged and
// counted, and what ends from then on is exact.
func TestEventSocketFails(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	l.breakDestroySocket()
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 10))
	l.gather() // so that no byte depends on the event that finds the socket broken
	l.flush()
	require.Eventually(t, func() bool { return l.plugin.destroyed.Stats().Reopened == 1 }, 20*time.Second, time.Millisecond)
	for range 50 {
		require.NoError(t, l.ns.UDP("10.32.0.2", "10.33.0.1:53", 3, 100))
	}
	l.flush()
	l.gather()
	l.requireExact()
	require.EqualValues(t, 1, l.internal["reopened_sockets"])
	require.Len(t, l.log.with("W! an event socket failed and was opened again"), 1)
}

// breakDestroySocket makes each further read of the plugin's socket for DESTROY events
// fail, once something wakes its reader.
func (l *lab) breakDestroySocket() {
	l.t.Helper()
	var sockets []byte
	require.NoError(l.t, l.ns.Do(func() (err error) {
		sockets, err = os.ReadFile("/proc/thread-self/net/netlink")
		return err
	}))
	const netfilter, destroyed, inode = "12", "00000004", 9
	broken := 0
	for line := range strings.Lines(string(sockets)) {
		if f := strings.Fields(line); len(f) > inode && f[1] == netfilter && f[3] == destroyed {
			broken += l.breakSocket(f[inode])
		}
	}
	require.Equal(l.t, 1, broken, "%s", sockets)
}

// breakSocket puts /dev/null into the place of this process's socket.
func (l *lab) breakSocket(inode string) (broken int) {
	null, err := os.Open(os.DevNull)
	require.NoError(l.t, err)
	defer func() { require.NoError(l.t, null.Close()) }()
	files, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(l.t, err)
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && to == "socket:["+inode+"]" {
			var fd int
			_, err := fmt.Sscan(filepath.Base(file), &fd)
			require.NoError(l.t, err)
			require.NoError(l.t, unix.Dup3(int(null.Fd()), fd, unix.O_CLOEXEC))
			broken++
		}
	}
	return broken
}

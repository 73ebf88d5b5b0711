package ctnetlink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// sabotage makes each further read of the socket fail (ENOTSOCK), and has the
// reader notice.
func sabotage(t *testing.T, n *testkit.Netns, l *Listener, port int) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(null)) }()
	l.socket.mu.Lock()
	err = unix.Dup3(null, l.socket.fd, unix.O_CLOEXEC)
	l.socket.mu.Unlock()
	require.NoError(t, err)
	sendUDP(t, n, unix.AF_INET, port, 1)
	flush(t, n) // a reader that waits at the old socket wakes up
}

// A socket that fails is replaced, and events come again.
func TestListenReopens(t *testing.T) {
	t.Parallel()
	const flows = 500
	n, ns := tracked(t)
	var got collector
	l := listenDestroy(t, ns, 8<<20, got.handle)
	drops, err := l.OthersDrops()
	require.NoError(t, err)
	sabotage(t, n, l, 4000)
	require.Eventually(t, func() bool { return l.Stats().Reopened == 1 }, waitLimit, time.Millisecond)
	require.NoError(t, l.Err())
	after, err := l.OthersDrops()
	require.NoError(t, err)
	require.Equal(t, drops+1, after, "what came on both sockets is repeated")
	before := len(got.all())
	sendUDP(t, n, unix.AF_INET, 4001, flows)
	flush(t, n)
	require.True(t, l.Fence(waitLimit))
	require.Len(t, got.all(), before+flows)
	size, err := l.ReceiveBuffer()
	require.NoError(t, err)
	require.Equal(t, 8<<20, size)
}

// If it cannot be replaced, the listener ends with the reason.
func TestListenCannotReopen(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	l := listenDestroy(t, ns, 8<<20, new(collector).handle)
	require.NoError(t, ns.Close()) // no socket can be opened in it any more
	sabotage(t, n, l, 4000)
	require.Eventually(t, func() bool { return l.Err() != nil }, waitLimit, time.Millisecond)
	require.ErrorIs(t, l.Err(), errNamespaceClosed)
	require.ErrorIs(t, l.Err(), unix.ENOTSOCK)
	require.False(t, l.Fence(waitLimit))
}

package ctnetlink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// Another listener that is behind shows, one's own overruns do not.
func TestOthersDrops(t *testing.T) {
	n, ns := tracked(t)
	ours, err := ListenDestroy(ns, 4<<10, func([]accounting.Flow) { time.Sleep(time.Millisecond) })
	require.NoError(t, err)
	defer func() { require.NoError(t, ours.Close()) }()
	sendUDP(t, n, unix.AF_INET, 1000, 500)
	flush(t, n)
	require.Eventually(t, func() bool { return ours.Stats().Overruns > 0 }, waitLimit, time.Millisecond)
	drops, err := ours.OthersDrops()
	require.NoError(t, err)
	require.Zero(t, drops)

	release := make(chan struct{})
	other, err := ListenDestroy(ns, 4<<10, func([]accounting.Flow) { <-release })
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	defer close(release)
	sendUDP(t, n, unix.AF_INET, 1001, 500)
	flush(t, n)
	drops, err = ours.OthersDrops()
	require.NoError(t, err)
	require.NotZero(t, drops)
}

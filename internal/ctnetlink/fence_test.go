package ctnetlink

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

func TestFence(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	step := make(chan struct{})
	var events atomic.Int64
	l := listenDestroy(t, ns, 8<<20, func(batch []accounting.Flow) {
		<-step
		events.Add(int64(len(batch)))
	})
	unblock := sync.OnceFunc(func() { close(step) })
	defer unblock()
	require.True(t, l.Fence(waitLimit), "nothing is queued")

	sendUDP(t, n, unix.AF_INET, 4000, 1000)
	flush(t, n)
	require.False(t, l.Fence(20*time.Millisecond), "events are not handled yet")
	require.Zero(t, events.Load())
	unblock()
	require.True(t, l.Fence(waitLimit))
	require.EqualValues(t, 1000, events.Load())

	require.NoError(t, l.Close())
	require.False(t, l.Fence(time.Millisecond), "the listener has ended")
}

// Under steady load the socket is hardly ever seen empty, yet Fence returns, and
// all that had ended before was handled.
func TestFenceUnderLoad(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	var mine atomic.Int64
	l := listenDestroy(t, ns, 32<<20, func(batch []accounting.Flow) {
		for i := range batch {
			if batch[i].Orig.SrcPort == 4000 {
				mine.Add(1)
			}
		}
	})
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				err := errors.Join(udpFlows(n, unix.AF_INET6, 5000, 2000), n.Command("conntrack", "-D", "-f", "ipv6", "-p", "udp").Run())
				assert.NoError(t, err)
			}
		}
	})
	defer load.Wait()
	defer close(stop)
	for round := range int64(10) {
		sendUDP(t, n, unix.AF_INET, 4000, 100)
		n.Exec(t, "conntrack", "-D", "-f", "ipv4", "-p", "udp")
		require.True(t, l.Fence(waitLimit))
		require.Equal(t, (round+1)*100, mine.Load())
	}
}

func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	sendUDP(t, n, unix.AF_INET, 4000, 20_000)
	var closed, late atomic.Bool
	started := make(chan struct{})
	once := sync.OnceFunc(func() { close(started) })
	l, err := ListenDestroy(ns, smallBuffer, func([]accounting.Flow) {
		once()
		late.Store(late.Load() || closed.Load())
	})
	require.NoError(t, err)
	var flushing sync.WaitGroup
	flushing.Go(func() { assert.NoError(t, n.Command("conntrack", "-F").Run()) })
	<-started
	require.NoError(t, l.Close())
	closed.Store(true)
	flushing.Wait()
	require.False(t, late.Load(), "handle was called after Close")
	require.NoError(t, l.Err())
	require.NoError(t, l.Close(), "closing twice is harmless")
}

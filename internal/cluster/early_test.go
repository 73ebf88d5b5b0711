package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// startEarly has the Telegraf of a gateway start when no node is there, and when one of three is,
// which knows of no stream. Its inputs do not start; when another node is there, they do, and what
// was in its buffer is delivered.
func (w *whole) startEarly(t *testing.T) {
	w.t = t
	g := w.gateways[0]
	for n := range nodes {
		w.nats.kill(n)
	}
	g.report(series)
	w.taken(g, series)
	g.agent.Kill()
	g.report(series / 10) // which must fit into the pipe

	g.fails()
	w.nats.start(0)
	g.fails()
	w.nats.start(1)
	g.agent = insist(g.t, g.telegraf(), "Connected to existing stream")
	require.Eventually(t, func() bool { return g.unread() == 0 }, time.Minute, 10*time.Millisecond)
	w.nats.start(2)
	w.settle(t)
}

// fails has Telegraf start and end, and requires that it has read nothing.
func (g *gateway) fails() {
	g.t.Helper()
	before := g.unread()
	require.Positive(g.t, before)
	g.start()
	require.Error(g.t, g.agent.Wait(2*time.Minute))
	require.Contains(g.t, g.agent.Stderr(), "outputs.nats")
	require.Equal(g.t, before, g.unread(), g.agent.Stderr())
}

// unread returns the bytes that wait for the input in the pipe.
func (g *gateway) unread() int {
	g.t.Helper()
	n, err := unix.IoctlGetInt(int(g.pipe.Fd()), unix.TIOCINQ)
	require.NoError(g.t, err)
	return n
}

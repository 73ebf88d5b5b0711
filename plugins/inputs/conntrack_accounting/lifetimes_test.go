package conntrack_accounting

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Lifetimes are those of the connections: from the first packet to when one end has
// closed, not to when the kernel forgets them. Two clocks of our own bound each: at
// least from when it was open until it was to be closed, at most from before it was
// opened until it was closed.
func TestLifetimesOfKnownConnections(t *testing.T) {
	t.Parallel()
	const connections = 20
	for name, c := range map[string]struct {
		closeEvents bool
		slack       time.Duration // a connection
	}{
		"close events": {true, time.Millisecond},
		"without":      {false, time.Second}, // the kernel gives the rest of a timeout in whole seconds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.serve()
			l.start(func(p *Plugin) { p.CloseEvents = c.closeEvents })
			var least, most time.Duration
			for n := range connections {
				before := time.Now()
				conn := l.ns.DialTCP(t, "10.32.0.1", "10.33.0.1:80")
				opened := time.Now()
				require.NoError(t, testkit.Transfer(conn, 1000, 1000))
				time.Sleep(time.Duration(n) * 5 * time.Millisecond) // what is measured
				closing := time.Now()
				require.NoError(t, testkit.HangUp(conn))
				least, most = least+closing.Sub(opened), most+time.Since(before)
				if n%5 == 4 {
					l.gather()
				}
			}
			l.requireQuiet()
			l.gather()
			require.EqualValues(t, connections, l.closed)
			slack := connections * c.slack
			require.GreaterOrEqual(t, time.Duration(l.times)*time.Millisecond, least-slack)
			require.LessOrEqual(t, time.Duration(l.times)*time.Millisecond, most+slack)
			t.Logf("%d connections: %d ms, of %v to %v", connections, l.times, least, most)
		})
	}
}

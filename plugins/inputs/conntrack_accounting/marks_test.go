package conntrack_accounting

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What has the mark between two gathers only is not accounted.
func TestMarksThatNoGatherSees(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start(func(p *Plugin) { p.Mark = "0x1/0xff" })
	flow := l.udp("10.32.0.1")
	flow(3)
	l.mark("10.32.0.1", 1)
	flow(3)
	l.mark("10.32.0.1", 2)
	l.gather()
	require.Empty(t, l.rows)
	l.flush()
	l.gather()
	require.Empty(t, l.rows)
}

// A flow that is older than the plugin, and gets its mark when the baseline is long
// over, may have had it before, and have been accounted: it is from then on.
func TestMarksThatComeBackAfterARestart(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"without a state": false, "after a kill": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.serve()
			start := func(p *Plugin) { p.Mark = "0x1/0xff" }
			if killed {
				_, keep := withState(t)
				start = func(p *Plugin) { p.Mark = "0x1/0xff"; keep(p) }
			}
			l.start(start)
			flow := l.udp("10.32.0.1")
			flow(3)
			l.mark("10.32.0.1", 1)
			l.gather()
			require.EqualValues(t, 3, l.sum["udp-src"].Packets)
			l.mark("10.32.0.1", 2)
			if killed {
				l.gatherUndelivered()
				l.kill()
			}
			l.plugin.Stop()
			l.start(start)
			l.gather()
			l.mark("10.32.0.1", 1)
			l.gather()
			require.EqualValues(t, 3, l.sum["udp-src"].Packets, "they were accounted")
			flow(4)
			l.gather()
			require.EqualValues(t, 3+4, l.sum["udp-src"].Packets)

			l.udp("10.32.0.2")(5)
			l.gather()
			l.mark("10.32.0.2", 1)
			l.gather()
			require.EqualValues(t, 3+4+5, l.sum["udp-src"].Packets, "a younger one is, from its beginning")
		})
	}
}

package conntrack_accounting

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name that stands for one namespace, then for another, and then for the first one
// again accounts nothing twice, whoever looks when: existing flows are accounted from
// their beginning once in the life of a state_file.
func TestNamespacesAreExchanged(t *testing.T) {
	t.Parallel()
	running := func(l *lab, exchange func(), _ func(*Plugin)) {
		exchange()
		l.gather()
	}
	restarted := func(l *lab, exchange func(), start func(*Plugin)) {
		l.plugin.Stop()
		exchange()
		l.start(start)
	}
	killed := func(l *lab, exchange func(), start func(*Plugin)) {
		l.rows, l.sums = nil, nil
		l.gatherUndelivered()
		l.countRows()
		l.kill()
		exchange()
		l.start(start)
	}
	for name, c := range map[string]struct {
		there, back func(l *lab, exchange func(), start func(*Plugin))
		untimed     bool
	}{
		"while it runs":                 {there: running, back: running},
		"while it runs, no start times": {there: running, back: running, untimed: true},
		"at restarts, no start times":   {there: restarted, back: restarted, untimed: true},
		"running, then at a restart":    {there: running, back: restarted},
		"at kills":                      {there: killed, back: killed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newLab(t), newLab(t)
			link := filepath.Join(t.TempDir(), "namespace")
			point := func(to *lab) {
				require.NoError(t, os.Symlink(to.ns.Path(), link+".new"))
				require.NoError(t, os.Rename(link+".new", link))
			}
			_, keep := withState(t)
			start := func(p *Plugin) {
				keep(p)
				p.NetworkNamespace, p.ExistingFlows, p.SetSysctls = link, "account", false
			}
			for _, l := range []*lab{a, b} {
				l.serve()
				for _, key := range []string{"acct", "timestamp", "events"} {
					l.ns.Sysctl(t, "net.netfilter.nf_conntrack_"+key, 1)
				}
				if c.untimed {
					l.ns.Sysctl(t, "net.netfilter.nf_conntrack_timestamp", 0)
				}
			}
			ofA, ofB := a.udp("10.32.0.1"), b.udp("10.32.0.1")
			ofA(3)
			point(a)
			a.start(start)
			a.gather()
			require.EqualValues(t, 3, a.sum["udp-src"].Packets, "accounted from its beginning, at the first start")

			ofB(50)
			c.there(a, func() { point(b) }, start)
			a.gather()
			there := a.sum["udp-src"].Packets
			ofB(7)
			a.gather()
			require.EqualValues(t, there+7, a.sum["udp-src"].Packets)

			c.back(a, func() { point(a) }, start)
			ofA(4)
			a.gather()
			require.EqualValues(t, there+7+4, a.sum["udp-src"].Packets, "what it had sent before was accounted")
		})
	}
}

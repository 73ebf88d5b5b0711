package conntrack_accounting

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/statefile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// withState sets a state_file in a folder of the test's own.
func withState(t *testing.T) (file string, set func(*Plugin)) {
	file = filepath.Join(t.TempDir(), "state")
	return file, func(p *Plugin) { p.StateFile = file }
}

// kill ends the plugin as SIGKILL would: it has no chance to save anything.
func (l *lab) kill() {
	l.plugin.state.ready = false
	l.plugin.Stop()
}

// udp sends datagrams over the flow of one socket pair, which lives on.
func (l *lab) udp(from string) func(count int) {
	l.t.Helper()
	socket := l.ns.ListenUDP(l.t, from+":7000")
	return func(count int) {
		l.t.Helper()
		for range count {
			require.NoError(l.t, echo(socket, netip.MustParseAddrPort("10.33.0.1:53"), 100))
		}
	}
}

// What a flow sends while the plugin is down counts at the first gather after
// it; so does what begins meanwhile, and what was known but not yet gathered.
func TestStopAndStart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file, keep := withState(t)
	l.start(keep)
	one, two := l.udp("10.32.0.1"), l.udp("10.32.0.2")
	one(3)
	l.gather()
	one(4)
	require.NoError(t, l.ns.TCP("10.32.0.3", "10.33.0.1:80", 5, 1000, 2000))
	l.requireQuiet()
	l.flush() // the events are known at the stop, and not gathered
	l.plugin.Stop()
	require.FileExists(t, file)
	one(5)
	two(6)
	l.start(keep)
	require.Len(t, l.log.with("it continues from the state of"), 1)
	l.gather()
	l.requireExact()
	require.EqualValues(t, 5, l.closed)
	l.requireForgotten()
	l.requireExact()
}

// After a kill, at any moment, nothing is accounted twice. What was delivered
// and saved goes on exactly; what was not is lost, which is logged.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		crash func(*lab)
		exact bool
	}{
		"before the first gather":     {func(*lab) {}, true},
		"while it waits":              {func(l *lab) { l.gather() }, true},
		"before the series are known": {func(l *lab) { l.gather(); require.NoError(t, l.plugin.readTable()) }, true},
		"before they are delivered":   {func(l *lab) { l.gather(); l.gatherUndelivered() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.serve()
			_, keep := withState(t)
			l.start(keep)
			old := l.udp("10.32.0.1")
			old(3)
			c.crash(l) // which delivers nothing or what was sent until now
			l.kill()
			old(4)
			l.udp("10.32.0.2")(5) // begins after the last gather
			l.start(keep)
			l.gather()
			if c.exact {
				l.requireExact()
				require.Empty(t, l.log.with("W! state_file"))
				return
			}
			require.Len(t, l.log.with("W! state_file: the last run ended without writing its state"), 1)
			require.EqualValues(t, 3+5, l.sum["udp-src"].Packets, "the new flow counts, the old one from now on")
			old(6)
			l.gather()
			require.EqualValues(t, 3+5+6, l.sum["udp-src"].Packets)
		})
	}
}

// When the clock was set back before a kill, what began in the time that comes again
// is not taken as new.
func TestKilledAfterTheClockWentBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file, keep := withState(t)
	l.start(keep)
	flow := l.udp("10.32.0.1")
	flow(3)
	l.gather()
	l.kill()
	rewritten(func(o *statefile.Origin) { o.Written = o.Written.Add(time.Hour) })(t, file, nil)
	require.NoError(t, statefile.Supersede(file, time.Now().Add(-time.Hour)))
	l.start(keep)
	flow(4)
	l.gather()
	require.EqualValues(t, 3+4, l.sum["udp-src"].Packets)
}

// gatherUndelivered gathers as the host does when it is killed before it has
// passed on what was gathered; the test counts that as delivered nonetheless.
func (l *lab) gatherUndelivered() {
	require.NoError(l.t, l.plugin.Gather(l))
}

// With a state_interval, the state between two saves is known to be old.
func TestStateInterval(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	_, keep := withState(t)
	l.start(keep, func(p *Plugin) { p.StateInterval = config.Duration(time.Hour) })
	flow := l.udp("10.32.0.1")
	flow(3)
	l.gather() // saves
	flow(4)
	l.gather() // does not
	l.kill()
	flow(5)
	l.start(keep)
	l.gather()
	require.Len(t, l.log.with("W! state_file: the last run ended without writing its state"), 1)
	require.EqualValues(t, 3+4, l.sum["udp-src"].Packets)
}

// A state that describes something else is ignored, which is logged in one line.
// A state of this boot and namespace, if only one that cannot be used, says that
// existing flows were accounted before: they are not accounted in full then.
func TestForeignStates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, file string, p *Plugin)
		says   string
		first  bool // existing flows are accounted as the option says
	}{
		"another boot": {rewritten(func(o *statefile.Origin) { o.Boot = "x" }), "I! state_file: ignoring FILE: it is from another boot", true},
		"another namespace": {
			rewritten(func(o *statefile.Origin) { o.Namespace = "net:[4:1:1]" }),
			"W! state_file: ignoring FILE: it describes another network namespace", false,
		},
		"other settings": {func(_ *testing.T, _ string, p *Plugin) { p.IncludeICMP = false }, "W! state_file: ignoring FILE: its settings accounted other flows", false},
		"torn": {func(t *testing.T, file string, _ *Plugin) {
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(file, info.Size()-1))
		}, "W! state_file: ignoring FILE: it is damaged", false},
		"empty": {func(t *testing.T, file string, _ *Plugin) {
			require.NoError(t, os.Truncate(file, 0))
		}, "W! state_file: ignoring FILE: it is damaged", false},
		"another layout": {func(t *testing.T, file string, _ *Plugin) {
			rewrite(t, file, func(s *statefile.File) { s.Body = make([]byte, 9) })
		}, "W! state_file: ignoring FILE: reading the state of accounting", false},
		"no stamps": {func(t *testing.T, file string, _ *Plugin) {
			rewrite(t, file, func(s *statefile.File) { s.Body = []byte{255, 255, 255, 255} })
		}, "W! state_file: ignoring FILE: it has too many timestamps", false},
		"as it was": {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.serve()
			file, keep := withState(t)
			l.start(keep)
			flow := l.udp("10.32.0.1")
			flow(3)
			l.gather()
			l.plugin.Stop()
			flow(4)
			l.start(keep, func(p *Plugin) {
				p.ExistingFlows = "account"
				if c.change != nil {
					c.change(t, file, p)
				}
			})
			l.gather()
			if c.change == nil {
				l.requireExact()
				require.Empty(t, l.log.with("ignoring"))
				return
			}
			want := 3
			if c.first {
				want += 3 + 4
			}
			require.EqualValues(t, want, l.sum["udp-src"].Packets)
			ignoring := l.log.with("ignoring")
			require.Len(t, ignoring, 1)
			require.Contains(t, ignoring[0], strings.Replace(c.says, "FILE", file, 1))
			flow(5)
			l.gather()
			require.EqualValues(t, want+5, l.sum["udp-src"].Packets)
		})
	}
}

// rewritten returns a change that gives a state another origin.
func rewritten(change func(*statefile.Origin)) func(*testing.T, string, *Plugin) {
	return func(t *testing.T, file string, _ *Plugin) {
		rewrite(t, file, func(s *statefile.File) { change(&s.Origin) })
	}
}

func rewrite(t *testing.T, file string, change func(*statefile.File)) {
	t.Helper()
	s, err := statefile.Read(file)
	require.NoError(t, err)
	change(s)
	_, err = statefile.Write(file, s.Origin, s.Body)
	require.NoError(t, err)
}

// A look at the table for once neither uses nor changes the daemon's state.
func TestOneShotLeavesTheStateAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file, keep := withState(t)
	l.start(keep)
	flow := l.udp("10.32.0.1")
	flow(3)
	l.gather()
	l.plugin.Stop()
	before, err := os.ReadFile(file)
	require.NoError(t, err)

	glance := &lab{t: t, ns: l.ns, log: &lines{}, sum: map[string]testkit.Counter{}}
	glance.start(keep, func(p *Plugin) { p.SetOneShot(true) })
	glance.gather()
	require.EqualValues(t, 3, glance.sum["udp-src"].Packets)
	glance.plugin.Stop()
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// A folder that is not there is an error at the start; one that goes away is
// complained of once, and again when it is back.
func TestStateFolder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	folder := filepath.Join(t.TempDir(), "folder")
	keep := func(p *Plugin) { p.StateFile = filepath.Join(folder, "state") }
	p := New()
	p.NetworkNamespace, p.Log = l.ns.Path(), l.log
	keep(p)
	require.NoError(t, p.Init())
	require.ErrorContains(t, p.Start(l), "state_file: ")

	require.NoError(t, os.Mkdir(folder, 0o700))
	l.start(keep)
	l.gather()
	require.NoError(t, os.RemoveAll(folder))
	l.gather()
	l.gather()
	require.Len(t, l.log.with("W! state_file: writing it failed"), 1)
	l.gather()
	require.EqualValues(t, 2, l.internal["state_errors"], "those before this gather")
	require.NoError(t, os.Mkdir(folder, 0o700))
	l.gather()
	require.Len(t, l.log.with("I! state_file: "+p.StateFile+" is written again"), 1)
	require.FileExists(t, p.StateFile)
}

// Where no state could ever be written, the start after a kill is no first one: what
// flows had sent was handed out.
func TestFirstStateCannotBeWritten(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	disk := testkit.NewDisk(t, 1<<20)
	start := func(p *Plugin) {
		p.StateFile, p.ExistingFlows = filepath.Join(disk.Path(), "state"), "account"
	}
	l.ns.Sysctl(t, "nf_conntrack_acct", 1)
	flow := l.udp("10.32.0.1")
	flow(3)
	disk.Fill(0)
	l.start(start)
	l.gather()
	require.Len(t, l.log.with("W! state_file: writing it failed"), 1)
	require.EqualValues(t, 3, l.sum["udp-src"].Packets)
	l.kill()
	l.start(start)
	l.gather()
	require.EqualValues(t, 3, l.sum["udp-src"].Packets)
	flow(4)
	l.gather()
	require.EqualValues(t, 3+4, l.sum["udp-src"].Packets)
}

// A file of something else is not overwritten.
func TestStateFileOfSomethingElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file, keep := withState(t)
	require.NoError(t, os.WriteFile(file, []byte("10.0.0.0/8,Campus\n"), 0o600))
	p := New()
	p.NetworkNamespace, p.Log = l.ns.Path(), l.log
	keep(p)
	require.NoError(t, p.Init())
	require.ErrorContains(t, p.Start(l), "state_file: "+file+": it is not a state file: name another file")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "10.0.0.0/8,Campus\n", string(text))
}

// A file that can neither be marked nor emptied would mislead the next start.
func TestStateThatCannotBeSuperseded(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file, keep := withState(t)
	l.start(keep)
	l.gather()
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Mkdir(file, 0o700))
	l.gather()
	require.Len(t, l.log.with("E! state_file: "), 1)
	require.Len(t, l.log.with("replace it by an empty one, otherwise traffic is accounted twice"), 1)
	require.NoError(t, os.Remove(file))
	l.gather()
	require.Len(t, l.log.with("E! state_file: "), 1)
	l.gather()
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular(), "written again")
}

// No gather after a restart uses the second of one before it.
func TestStampsOutliveARestart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	_, keep := withState(t)
	seen := map[time.Time]bool{}
	flow := l.udp("10.32.0.1")
	for range 4 {
		l.start(keep)
		for range 2 {
			flow(1)
			l.gather()
			require.False(t, seen[l.rows[0].at])
			seen[l.rows[0].at] = true
		}
		l.plugin.Stop()
	}
	require.Len(t, seen, 8)
}

// Two namespaces are never taken for each other.
func TestIdentityIsTheNamespaces(t *testing.T) {
	t.Parallel()
	one, two := newLab(t), newLab(t)
	_, keep := withState(t)
	one.start(keep)
	one.gather()
	one.plugin.Stop()
	two.start(keep)
	require.Len(t, two.log.with("it describes another network namespace"), 1)
}

// Other masks lose and double nothing, but mean other groups under the same
// addresses: that is logged, once, and only when they differ.
func TestOtherMasksAreMentioned(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	_, keep := withState(t)
	one := l.udp("10.32.1.1")
	for i, mask := range []Word{"16", "255.255.0.0", "24"} {
		l.start(keep, func(p *Plugin) { p.SourceMask = mask })
		one(3)
		l.gather()
		one(2)
		l.plugin.Stop()
		if i < 2 {
			require.Empty(t, l.log.with("the masks differ"))
		}
	}
	require.Len(t, l.log.with("W! the masks differ from those of the last run (source 255.255.0.0 and /128, destination 255.255.255.255 and /128; now: source 255.255.255.0"), 1)
	l.start(keep, func(p *Plugin) { p.SourceMask = "24" })
	require.Len(t, l.log.with("the masks differ"), 1)
	l.gather()
	l.requireExact()
	require.EqualValues(t, 15, l.sum["udp-src"].Packets)
}

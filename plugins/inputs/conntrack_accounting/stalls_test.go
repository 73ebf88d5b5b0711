package conntrack_accounting

import (
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/ctnetlink"
	"telegraf-conntrack-accounting/internal/testkit"
)

// Whatever a gather waits for, events are read meanwhile: no flow that ended
// stays in the kernel, and what came in between counts in the next gather.
func TestEventsAreReadWhileAGatherIsStuck(t *testing.T) {
	t.Parallel()
	for name, stick := range map[string]func(*stuckLab){
		"nobody reads the metrics": func(s *stuckLab) { s.metrics.close() },
		"nobody reads the log":     func(s *stuckLab) { s.text.close(); s.setPorts("udp:9\n") },
		"the disk is stuck":        (*stuckLab).stickState,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStuckLab(t)
			client := s.ns.ListenUDP(t, "10.32.0.1:1000")
			talk := func(to string) { require.NoError(t, testkit.Spray(client, netip.MustParseAddr(to), 9, 5000, 10)) }
			talk("10.34.0.0")
			stick(s)
			defer s.free()
			gathered := make(chan error, 1)
			go func() { gathered <- s.plugin.Gather(s) }()
			require.Eventually(t, s.stuck, 10*time.Second, time.Millisecond)
			talk("10.36.0.0")
			s.flush()
			require.Eventually(t, func() bool { return s.entries() == 0 }, 20*time.Second, 10*time.Millisecond, "flows that ended stay in the kernel")
			require.Empty(t, gathered, "the gather was not stuck")
			s.free()
			require.NoError(t, <-gathered)
			s.plugin.Delivered()
			s.countRows()
			s.gather()
			s.requireExact()
			require.Positive(t, s.internal["delivery_time_ns"])
		})
	}
}

// A stuckLab is a lab whose metrics, log lines or state file get stuck on demand.
type stuckLab struct {
	*lab
	metrics, text gate
	ports, state  string
	free          func()
	emitted       uint64 // at the start
	entries       func() int
}

func newStuckLab(t *testing.T) *stuckLab {
	s := &stuckLab{lab: newLab(t), ports: filepath.Join(t.TempDir(), "ports")}
	s.free = func() { s.metrics.open(); s.text.open() }
	s.ns.ListenUDP(t, "0.0.0.0:9")
	s.setPorts("udp:53\n")
	state, keep := withState(t)
	s.state = state
	s.start(keep, func(p *Plugin) {
		p.ReceiveBuffer, p.PortsFile = config.Size(64<<10), s.ports
		p.Log = &stuckLog{s.log, &s.text}
	})
	s.entries = func() int {
		n, err := s.plugin.namespace.Sysctl(ctnetlink.Count)
		require.NoError(t, err)
		return n
	}
	return s
}

// setPorts replaces the ports file.
func (s *stuckLab) setPorts(text string) {
	require.NoError(s.t, os.WriteFile(s.ports+".new", []byte(text), 0o600))
	require.NoError(s.t, os.Rename(s.ports+".new", s.ports))
}

// stickState makes the state file one that cannot be opened until somebody reads
// it, as if its disk were stuck.
func (s *stuckLab) stickState() {
	require.NoError(s.t, os.Remove(s.state))
	require.NoError(s.t, unix.Mkfifo(s.state, 0o600))
	s.emitted = s.stats().Emitted
	s.free = sync.OnceFunc(func() {
		reader, err := os.OpenFile(s.state, os.O_RDONLY|unix.O_NONBLOCK, 0)
		require.NoError(s.t, err)
		s.t.Cleanup(func() { _ = reader.Close() })
	})
}

// stuck reports whether the gather has come to where it waits.
func (s *stuckLab) stuck() bool {
	if s.metrics.closed() || s.text.closed() {
		return s.metrics.waited() || s.text.waited()
	}
	return s.stats().Emitted > s.emitted
}

func (s *stuckLab) AddFields(name string, fields map[string]interface{}, tags map[string]string, at ...time.Time) {
	s.metrics.pass()
	s.lab.AddFields(name, fields, tags, at...)
}

type stuckLog struct {
	*lines
	gate *gate
}

func (l *stuckLog) Infof(format string, args ...interface{}) {
	l.gate.pass()
	l.lines.Infof(format, args...)
}

// gate holds up who wants to pass while it is closed.
type gate struct {
	mu      sync.Mutex
	opened  chan struct{} // nil before close
	waiting bool
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

func (g *gate) pass() {
	g.mu.Lock()
	opened := g.opened
	g.waiting = g.waiting || opened != nil
	g.mu.Unlock()
	if opened != nil {
		<-opened
	}
}

func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened != nil
}

func (g *gate) waited() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

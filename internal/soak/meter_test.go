//go:build soak

package soak

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
	"telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

// meter runs the plugin on the router and adds up what it says.
type meter struct {
	t      *testing.T
	ns     *testkit.Netns
	log    *log
	acc    telegraf.Accumulator
	plugin *conntrack_accounting.Plugin

	gathering sync.Mutex // one gather at a time
	mu        sync.Mutex // guards sum; whoever holds it keeps the plugin from passing anything on
	sum       ledger
}

// options change the plugin's defaults.
type options func(*conntrack_accounting.Plugin)

func newMeter(t *testing.T, ns *testkit.Netns) *meter {
	m := &meter{t: t, ns: ns, log: &log{}, sum: ledger{}}
	m.acc = agent.NewAccumulator(m, nil)
	t.Cleanup(m.stop)
	return m
}

func (m *meter) start(set options) {
	p := conntrack_accounting.New()
	p.NetworkNamespace = m.ns.Path()
	p.IncludeICMP = true
	mask := conntrack_accounting.Word(fmt.Sprint(mask4))
	p.SourceMask, p.DestinationMask = mask, mask
	p.SourceMaskIPv6, p.DestinationMaskIPv6 = mask6, mask6
	for _, port := range ports {
		p.Ports = append(p.Ports, strings.Replace(port, " ", ":", 1))
	}
	p.Log = m.log
	if set != nil {
		set(p)
	}
	require.NoError(m.t, p.Init())
	require.NoError(m.t, p.Start(m.acc))
	m.plugin = p
}

func (m *meter) stop() {
	if m.plugin != nil {
		m.plugin.Stop()
		m.plugin = nil
	}
}

func (m *meter) gather() {
	m.gathering.Lock()
	defer m.gathering.Unlock()
	if err := m.plugin.Gather(m.acc); err != nil {
		m.t.Errorf("gathering: %v", err)
	}
}

// accounted returns what the plugin said so far.
func (m *meter) accounted() ledger {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.sum)
}

// The meter stands for Telegraf behind the plugin's accumulator.

func (m *meter) LogName() string      { return "soak" }
func (m *meter) Log() telegraf.Logger { return m.log }

// MakeMetric keeps the metric and passes none on.
func (m *meter) MakeMetric(metric telegraf.Metric) telegraf.Metric {
	if metric.Name() != "conntrack_accounting" {
		return nil
	}
	fields, tags := metric.Fields(), metric.Tags()
	number := func(name string) uint64 { return uint64(fields[name].(int64)) }
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.add(series{tags["proto"], tags["src"], tags["dst"], tags["port"]}, sums{
		testkit.Counter{Packets: number("src_packets"), Bytes: number("src_bytes")},
		testkit.Counter{Packets: number("dst_packets"), Bytes: number("dst_bytes")},
		number("connection_count"),
	})
	return nil
}

// log keeps what the plugin says, and adds up its overruns.
type log struct {
	telegraf.Logger // the plugin uses the formatted forms alone

	mu       sync.Mutex
	lines    []string
	overruns int
}

func (l *log) add(level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int
	if _, err := fmt.Sscanf(text, "the receive buffer was full %d times", &n); err == nil {
		l.overruns += n
		return
	}
	l.lines = append(l.lines, level+" "+text)
}

// full returns how often the receive buffer was full so far.
func (l *log) full() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.overruns
}

// take returns the lines of the given levels since the last call.
func (l *log) take(levels string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(levels, line[:1]) {
			lines = append(lines, line)
		}
	}
	l.lines = nil
	return lines
}

func (l *log) Errorf(format string, args ...interface{}) { l.add("E!", fmt.Sprintf(format, args...)) }

func (l *log) Warnf(format string, args ...interface{}) { l.add("W!", fmt.Sprintf(format, args...)) }

func (l *log) Infof(format string, args ...interface{}) { l.add("I!", fmt.Sprintf(format, args...)) }

func (l *log) Debugf(string, ...interface{}) {}

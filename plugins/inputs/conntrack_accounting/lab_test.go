package conntrack_accounting

import (
	"flag"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestMain runs more tests at once than there are CPUs: most of them wait, for the
// kernel to put rules into force or for a wire to be quiet, each in namespaces of its
// own.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	m.Run()
}

// lab is a namespace in which every address of 10.32.0.0/11 and of
// 2001:db8::/32 is local, so that one process can talk between any two of
// them through the real stack. nftables counters keep the ledger.
type lab struct {
	telegraf.Accumulator // the plugin uses AddFields alone

	t      *testing.T
	ns     *testkit.Netns
	plugin *Plugin
	log    *lines
	sum    map[string]testkit.Counter // accounted so far, as the ledger names it
	closed int64                      // connections counted so far
	times  int64                      // their lifetimes in ms
	rows   []row                      // of the last gather
	sums   []row                      // likewise

	internal map[string]interface{} // the plugin's own metric
}

// row is one metric.
type row struct {
	name   string
	tags   map[string]string
	fields map[string]interface{}
	at     time.Time
}

// tick is how often a test looks or gathers while it waits: a look at the ledger is a
// process, and many tests wait at once.
const tick = 50 * time.Millisecond

// protos are what the ledger distinguishes, both directions of each.
var protos = []string{"tcp", "udp", "icmp", "ipv6-icmp"}

func newLab(t *testing.T) *lab {
	testkit.Need(t, "nft", "conntrack")
	l := &lab{t: t, ns: testkit.NewNetns(t), log: &lines{}, sum: map[string]testkit.Counter{}}
	l.ns.Local(t, "10.32.0.0/11")
	l.ns.Local(t, "2001:db8::/32")
	for _, name := range []string{"udp_timeout", "udp_timeout_stream", "icmp_timeout", "icmpv6_timeout"} {
		l.ns.Sysctl(t, "nf_conntrack_"+name, 600) // flows outlive a slow machine
	}
	l.ns.DropRepeatedHandshakes(t)
	l.ns.Nft(t, ledger())
	return l
}

// ledger returns rules that count per protocol and direction what conntrack
// counts: each packet that belongs to a flow, once. A packet that belongs to
// none when it is sent meets conntrack again when it is received, and may
// belong to one then: a flush in between makes it the first of a new flow.
func ledger() string {
	var counters, rules strings.Builder
	for _, proto := range protos {
		fmt.Fprintf(&counters, "counter %[1]s-src { }\ncounter %[1]s-dst { }\n", proto)
		fmt.Fprintf(&rules, "meta l4proto %[1]s ct direction original counter name %[1]s-src\n", proto)
		fmt.Fprintf(&rules, "meta l4proto %[1]s ct direction reply counter name %[1]s-dst\n", proto)
	}
	return fmt.Sprintf(`table inet ledger {
		%s
		chain count {
			ct state { invalid, related, untracked } accept
			meta mark set 0x1ed6e
			%s
		}
		chain sent {
			type filter hook output priority filter;
			jump count
		}
		chain received {
			type filter hook prerouting priority filter;
			meta mark != 0x1ed6e jump count
		}
	}`, counters.String(), rules.String())
}

// start starts the plugin on the lab's namespace.
func (l *lab) start(options ...func(*Plugin)) {
	l.plugin = New()
	l.plugin.NetworkNamespace = l.ns.Path()
	l.plugin.IncludeICMP = true
	l.plugin.Sums = []string{"src", "dst", "port"}
	l.plugin.Log = l.log
	for _, set := range options {
		set(l.plugin)
	}
	require.NoError(l.t, l.plugin.Init())
	require.NoError(l.t, l.plugin.Start(l))
	l.t.Cleanup(l.plugin.Stop)
}

// gather gathers once and adds up what comes.
func (l *lab) gather() {
	l.t.Helper()
	l.rows, l.sums, l.internal = nil, nil, nil
	require.NoError(l.t, l.plugin.Gather(l))
	l.plugin.Delivered()
	l.countRows()
}

// countRows adds up the rows of a gather.
func (l *lab) countRows() {
	l.t.Helper()
	l.requireSums()
	for _, r := range l.rows {
		l.add(r.tags["proto"]+"-src", r.fields["src_packets"], r.fields["src_bytes"])
		l.add(r.tags["proto"]+"-dst", r.fields["dst_packets"], r.fields["dst_bytes"])
		l.closed += r.fields["connection_count"].(int64)
		l.times += r.fields["connection_times"].(int64)
	}
}

func (l *lab) add(name string, packets, bytes interface{}) {
	if packets == int64(0) {
		return // as in the ledger, what stays at zero is left out
	}
	c := l.sum[name]
	c.Packets += uint64(packets.(int64))
	c.Bytes += uint64(bytes.(int64))
	l.sum[name] = c
}

// counted returns the ledger, without what stayed at zero.
func (l *lab) counted() map[string]testkit.Counter {
	counters := l.ns.Counters(l.t)
	for name, c := range counters {
		if c == (testkit.Counter{}) {
			delete(counters, name)
		}
	}
	return counters
}

// requireExact requires that what the plugin accounted is what nftables
// counted, to the packet and to the byte. TCP may still send a delayed
// acknowledgement: the ledger is read once for each comparison, and again if
// it differs, until a deadline.
func (l *lab) requireExact() {
	l.t.Helper()
	require.NotEmpty(l.t, l.sum, "no traffic proves nothing")
	deadline := time.Now().Add(2 * time.Minute)
	counted := l.counted()
	for !maps.Equal(counted, l.sum) && time.Now().Before(deadline) {
		time.Sleep(tick)
		l.gather()
		counted = l.counted()
	}
	require.Equal(l.t, counted, l.sum)
}

// requireQuiet waits until no packet has been counted for longer than TCP
// delays an acknowledgement (40 to 200 ms).
func (l *lab) requireQuiet() {
	l.t.Helper()
	last, since := l.counted(), time.Now()
	require.Eventually(l.t, func() bool {
		if now := l.counted(); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	}, 10*time.Second, tick)
}

func (l *lab) stats() accounting.Stats { return l.plugin.stats() }

// flush ends all flows, as conntrack -F does.
func (l *lab) flush() { l.ns.Exec(l.t, testkit.Tool("conntrack"), "-F") }

// requireForgotten requires that the plugin remembers no flow once all have
// ended.
func (l *lab) requireForgotten() {
	l.t.Helper()
	l.flush()
	require.Eventually(l.t, func() bool {
		l.gather()
		return l.stats().Flows == 0 && l.stats().Tombstones == 0
	}, 2*time.Minute, tick)
}

// The lab is the accumulator of its plugin.

func (l *lab) AddFields(name string, fields map[string]interface{}, tags map[string]string, at ...time.Time) {
	if name == internalMeasurement {
		l.internal = fields
		return
	}
	r := row{name, maps.Clone(tags), maps.Clone(fields), at[0]} // copied, as Telegraf's accumulators do
	if name == measurement {
		l.rows = append(l.rows, r)
		return
	}
	l.sums = append(l.sums, r)
}

// lines is a logger that keeps its lines.
type lines struct {
	telegraf.Logger // the plugin uses the formatted forms alone

	mu   sync.Mutex
	text []string
}

func (l *lines) log(level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, level+" "+text)
}

// with returns the lines that hold the text.
func (l *lines) with(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.text {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

func (l *lines) Errorf(format string, args ...interface{}) { l.log("E!", fmt.Sprintf(format, args...)) }

func (l *lines) Warnf(format string, args ...interface{}) { l.log("W!", fmt.Sprintf(format, args...)) }

func (l *lines) Infof(format string, args ...interface{}) { l.log("I!", fmt.Sprintf(format, args...)) }

func (l *lines) Debugf(format string, args ...interface{}) { l.log("D!", fmt.Sprintf(format, args...)) }

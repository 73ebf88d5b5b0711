package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
	"telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

// BenchmarkBackpressure ends many flows at once while the receive buffer is too
// small for their events, or is not. It measures the gather right after, beside
// the one before, and when all events are handled, beside Debian's ulogd2, which
// asks for reliable events, too.
func BenchmarkBackpressure(b *testing.B) {
	testkit.Need(b, "ulogd")
	for _, flows := range []int{200_000, 400_000} {
		ns := newTable(b, 0)
		allow(b, 2*flows)
		var t table
		t.add("buffer", "", "the gather before", "after the flush", "its CPU", "to the one before", "all events after", "CPU")
		for _, buffer := range []int{208 << 10, 64 << 20} {
			var ours []pressure
			var costs [2][]cost // ours, and ulogd's
			for range rounds(b) {
				spray(b, ns, flows)
				p := flushUnder(b, ns, buffer)
				ours, costs[0] = append(ours, p), append(costs[0], p.All)
				spray(b, ns, flows)
				costs[1] = append(costs[1], flushUnderUlogd(b, ns, flows, buffer))
			}
			before, after := gathers(ours)
			size := fmt.Sprintf("%d KiB", buffer>>10)
			m, all := median(after), median(costs[0])
			t.add(size, "a gather", ms(median(before).Wall), ms(m.Wall), ms(m.CPU), ratio(after, before, wall), ms(all.Wall), ms(all.CPU))
			all = median(costs[1])
			t.add(size, "ulogd2", "", "", "", "", ms(all.Wall), ms(all.CPU))
			b.ReportMetric(m.Wall.Seconds()*1e3, fmt.Sprintf("ms/gather-%d-%dKiB", flows, buffer>>10))
		}
		t.print(fmt.Sprintf("%d flows that end at once", flows))
	}
}

// pressure is what a flush costs the plugin.
type pressure struct{ Before, After, All cost }

func gathers(all []pressure) (before, after []cost) {
	for _, p := range all {
		before, after = append(before, p.Before), append(after, p.After)
	}
	return before, after
}

// flushUnder ends all flows while a child listens.
func flushUnder(b *testing.B, ns *testkit.Netns, buffer int) (p pressure) {
	cmd := child("pressure", "NETNS="+ns.Path(), "BUFFER="+strconv.Itoa(buffer))
	p.All.Wall = flushBeside(b, ns, cmd, &p)
	return p
}

// pressureChild measures a gather before a flush, which has ended when a line
// comes in, the one after it, and all that it takes to handle the events.
func pressureChild() error {
	buffer, err := strconv.Atoi(os.Getenv("BUFFER"))
	if err != nil {
		return err
	}
	plugin, err := startPlugin(func(p *conntrack_accounting.Plugin) { p.ReceiveBuffer = config.Size(buffer) })
	if err != nil {
		return err
	}
	defer plugin.Stop()
	said := &internals{}
	gather := func() error { return plugin.Gather(said) }
	var p pressure
	for range 2 { // the first one warms up
		if p.Before, err = measure(gather); err != nil {
			return err
		}
	}
	flows := said.fields["flows"].(int64)
	fmt.Println("ready")
	cpu := cpuTime()
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	if p.After, err = measure(gather); err != nil {
		return err
	}
	for said.fields["destroy_events"].(int64) < flows {
		time.Sleep(50 * time.Millisecond) // gathers that nobody asked for are not what is measured
		if err := gather(); err != nil {
			return err
		}
	}
	p.All.CPU = cpuTime() - cpu
	return json.NewEncoder(os.Stdout).Encode(p)
}

// flushUnderUlogd ends all flows while ulogd2 writes a line for each.
func flushUnderUlogd(b *testing.B, ns *testkit.Netns, flows, buffer int) (c cost) {
	folder := b.TempDir()
	out, log := filepath.Join(folder, "flows"), filepath.Join(folder, "log")
	plugins, err := filepath.Glob("/usr/lib/*/ulogd")
	require.NoError(b, err)
	require.Len(b, plugins, 1)
	file := filepath.Join(folder, "ulogd.conf")
	require.NoError(b, os.WriteFile(file, fmt.Appendf(nil, `[global]
logfile="%[1]s"
plugin="%[2]s/ulogd_inpflow_NFCT.so"
plugin="%[2]s/ulogd_output_GPRINT.so"
stack=ct1:NFCT,gp1:GPRINT
[ct1]
event_mask=0x00000004
hash_enable=0
reliable=1
netlink_socket_buffer_size=%[3]d
netlink_socket_buffer_maxsize=%[3]d
[gp1]
file="%[4]s"
sync=0
`, log, plugins[0], buffer, out), 0o600))
	cmd := ns.Command(testkit.Tool("ulogd"), "-c", file)
	require.NoError(b, cmd.Start())
	require.Eventually(b, func() bool {
		text, _ := os.ReadFile(log)
		return bytes.Contains(text, []byte("reliable logging has been enabled"))
	}, 10*time.Second, 10*time.Millisecond)
	before := cpuOf(b, cmd.Process.Pid)
	start := time.Now()
	require.NoError(b, ns.Flush())
	lines := newLineCounter(b, out)
	require.Eventually(b, func() bool { return lines.count() >= flows-100 }, 5*time.Minute, 50*time.Millisecond) // stdio holds the last ones back
	c.Wall, c.CPU = time.Since(start), cpuOf(b, cmd.Process.Pid)-before
	require.NoError(b, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	return c
}

// lineCounter counts the lines of a file that grows.
type lineCounter struct {
	b    *testing.B
	path string
	file *os.File
	n    int
}

func newLineCounter(b *testing.B, path string) *lineCounter { return &lineCounter{b: b, path: path} }

func (l *lineCounter) count() int {
	if l.file == nil {
		file, err := os.Open(l.path)
		if err != nil {
			return 0
		}
		l.file = file
		l.b.Cleanup(func() { _ = file.Close() })
	}
	text, err := io.ReadAll(l.file)
	require.NoError(l.b, err)
	l.n += bytes.Count(text, []byte("\n"))
	return l.n
}

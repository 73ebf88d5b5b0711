package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkEvents ends many flows at once and measures how fast the plugin, on
// one core, handles their DESTROY events: as fast as the kernel sends them, it
// keeps up.
func BenchmarkEvents(b *testing.B) {
	const flows = 500_000
	ns := newTable(b, 0)
	allow(b, flows)
	var costs []cost
	for range rounds(b) {
		spray(b, ns, flows)
		costs = append(costs, destroyAll(b, ns))
	}
	m := median(costs)
	var t table
	t.add("flows", "time", "events/s", "CPU", "CPU per event", "events/s of CPU", "peak memory")
	t.add(m.Flows, ms(m.Wall), rate(m.Flows, m.Wall), ms(m.CPU), per(m.CPU, m.Flows), rate(m.Flows, m.CPU), mb(m.PeakKiB))
	t.print("DESTROY events, all at once")
}

func rate(n int, d time.Duration) string { return fmt.Sprintf("%.0f", float64(n)/d.Seconds()) }

func per(d time.Duration, n int) string {
	return fmt.Sprintf("%.2f µs", d.Seconds()*1e6/float64(n))
}

// destroyAll ends all flows while a child listens.
func destroyAll(b *testing.B, ns *testkit.Netns) (c cost) {
	cmd := child("destroy", "NETNS="+ns.Path(), "GOMAXPROCS=1")
	c.Wall = flushBeside(b, ns, cmd, &c)
	return c
}

// flushBeside ends all flows once a child says that it is ready, tells it when that
// is done, and fills in what it measured. It returns what all of that took.
func flushBeside(b *testing.B, ns *testkit.Netns, cmd *exec.Cmd, measured any) time.Duration {
	b.Helper()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	lines := bufio.NewReader(stdout)
	_, err = lines.ReadString('\n') // it is ready
	require.NoError(b, err)
	start := time.Now()
	require.NoError(b, ns.Flush())
	_, err = io.WriteString(stdin, "\n")
	require.NoError(b, err)
	require.NoError(b, json.NewDecoder(lines).Decode(measured))
	took := time.Since(start)
	require.NoError(b, cmd.Wait())
	return took
}

// destroyChild listens until it has handled all events of a flush, which has
// ended when a line comes in.
func destroyChild() error {
	p, err := startPlugin()
	if err != nil {
		return err
	}
	defer p.Stop()
	events := &internals{}
	if err := p.Gather(events); err != nil {
		return err
	}
	flows := events.fields["flows"].(int64)
	fmt.Println("ready")
	cpu := cpuTime()
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	for events.fields["destroy_events"].(int64) < flows { // the table is empty now: gathers cost little
		if err := p.Gather(events); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(cost{Flows: int(flows), CPU: cpuTime() - cpu, PeakKiB: peakOf(os.Getpid())})
}

// internals is an accumulator that keeps the metric about the plugin itself.
type internals struct {
	telegraf.Accumulator
	fields map[string]interface{}
}

func (i *internals) AddFields(name string, fields map[string]interface{}, _ map[string]string, _ ...time.Time) {
	if name == "conntrack_accounting_internal" {
		i.fields = fields
	}
}

// BenchmarkConnections measures what a connection costs the gateway itself,
// without a listener and with different ones.
func BenchmarkConnections(b *testing.B) {
	const connections = 50_000
	peers, plugin := peers(b), testkit.Binary(b, module+"/cmd/execd-plugin")
	ns := newTable(b, 0)
	program := func(options ...string) func() listener {
		return func() listener {
			p := startProgram(b, ns, plugin, options...)
			return listener{p.cmd.Process.Pid, func() { p.stop() }}
		}
	}
	listeners := []struct {
		name  string
		start func() listener
	}{
		{"no listener", func() listener { return listener{os.Getpid(), func() {}} }},
		{"close_events = false", program("close_events = false")},
		{"updates, none let through", func() listener { return listenTo(b, ns.Command(peers, "drop")) }}, // the limit of the default
		{"the default", program()},
		{"all events, unfiltered", func() listener { return listenTo(b, ns.Command(peers, "listen")) }},
	}
	var contenders []contender
	turn := 0
	for _, l := range listeners {
		contenders = append(contenders, contender{l.name, func() cost {
			turn++
			reader := l.start()
			before := cpuOf(b, reader.pid)
			c := costOf(b, inside(ns, child("connect", "CONNECTIONS="+strconv.Itoa(connections), "TURN="+strconv.Itoa(turn))))
			c.Reader = cpuOf(b, reader.pid) - before
			reader.stop()
			require.NoError(b, ns.Flush())
			return c
		}})
	}
	costs := compete(b, contenders)
	var t table
	t.add("", "CPU per connection", "to no listener", "the reader's own")
	for i, c := range contenders {
		m := median(costs[i])
		t.add(c.name, per(m.CPU, connections), ratio(costs[i], costs[0], cpu), per(m.Reader, connections))
	}
	t.print("What a TCP connection costs the gateway, opened and closed over loopback")
}

// inside prepares a child to run inside the namespace.
func inside(ns *testkit.Netns, child *exec.Cmd) *exec.Cmd {
	cmd := ns.Command(fmt.Sprintf("/proc/%d/exe", os.Getpid()))
	cmd.Env = child.Env
	return cmd
}

// listener is a process that reads events.
type listener struct {
	pid  int
	stop func()
}

// listenTo starts one that joins event groups and says so.
func listenTo(b *testing.B, cmd *exec.Cmd) listener {
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b, err)
	return listener{cmd.Process.Pid, func() {
		require.NoError(b, cmd.Process.Kill())
		_ = cmd.Wait()
	}}
}

// connectChild opens and closes connections over loopback.
func connectChild() error {
	n, err := strconv.Atoi(os.Getenv("CONNECTIONS"))
	if err != nil {
		return err
	}
	turn, err := strconv.Atoi(os.Getenv("TURN"))
	if err != nil {
		return err
	}
	server, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	at := &unix.SockaddrInet4{Port: 80, Addr: [4]byte{10, 33, 0, 1}}
	if err := errors.Join(unix.Bind(server, at), unix.Listen(server, 16)); err != nil {
		return err
	}
	c, err := measure(func() error {
		for i := range n {
			// A port waits for a minute before it is used again: another
			// address each turn, and every few connections.
			from := &unix.SockaddrInet4{Addr: [4]byte{10, 34, byte(turn), byte(1 + i/10_000)}}
			if err := connect(server, from, at); err != nil {
				return err
			}
		}
		return nil
	})
	c.Flows = n
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(c))
}

func connect(server int, from, to unix.Sockaddr) error {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Bind(client, from), unix.Connect(client, to)); err != nil {
		return err
	}
	peer, _, err := unix.Accept(server)
	if err != nil {
		return err
	}
	return errors.Join(unix.Close(client), unix.Close(peer))
}

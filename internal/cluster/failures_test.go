package cluster

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// series is how many a report has.
const series = 400

// failure is something that fails, and is mended later. Its name is that of its row in
// docs/scale.md.
type failure struct {
	name         string
	strike, mend func(*whole)
	meanwhile    func(*whole, *testing.T) // what works in spite of it
}

var failures = []failure{
	{"`kill -9` of the NATS node that leads the stream", (*whole).killNode, (*whole).startNode, (*whole).settle},
	{"`kill -9` of two nodes", (*whole).killNodes, (*whole).startNodes, nothing},
	{"`kill -9` of a sink, Telegraf and `psql-sink`", func(w *whole) { w.sinks[0].kill() }, func(w *whole) { w.sinks[0].start() }, (*whole).drain},
	{"`kill -9` of `psql-sink` alone", func(w *whole) { kill(w.t, w.sinks[1].psqlSink) }, func(w *whole) { w.sinks[1].startPsqlSink() }, nothing},
	{"`kill -9` of a gateway's Telegraf", (*whole).killGateway, func(*whole) {}, (*whole).settle},
	{"`kill -9` of Postgres", func(w *whole) { w.pg.Kill9() }, func(w *whole) { w.pg.Start() }, (*whole).drain},
	{"the NATS node that leads is cut off", (*whole).cutNode, (*whole).joinNode, (*whole).elect},
	{"a sink is cut off", func(w *whole) { w.net.cut(w.sinks[0].addr) }, func(w *whole) { w.net.join(w.sinks[0].addr) }, (*whole).drain},
	{"Postgres is cut off", func(w *whole) { w.net.cut(postgresAddr) }, func(w *whole) { w.net.join(postgresAddr) }, (*whole).drain},
	{"no `psql-sink` takes anything, for more messages than sinks may hold", (*whole).overflow, (*whole).resume, nothing},
	{"a gateway is added", func(w *whole) { w.addGateway(fmt.Sprintf("gw-%d.example.org", len(w.gateways)+1)) }, func(*whole) {}, (*whole).settle},
	{"a sink is added, and stopped again", func(w *whole) { w.addSink() }, (*whole).removeSink, (*whole).settle},
}

// scenes are rows that are more than a failure.
var scenes = []struct {
	name string
	play func(*whole, *testing.T)
}{
	{"a report comes in parts, to several sinks", (*whole).split},
	{"a message comes twice", (*whole).repeat},
	{"the disk of a sink is lost, while Postgres is away", (*whole).loseDisk},
	{"the Telegraf of a gateway starts while fewer than two nodes answer", (*whole).startEarly},
}

func nothing(*whole, *testing.T) {}

// The node that leads the stream is the one that fails: its loss hurts most.
func (w *whole) killNode()  { w.victim = w.nats.leader(-1); w.nats.kill(w.victim) }
func (w *whole) startNode() { w.nats.start(w.victim) }

func (w *whole) killNodes() {
	w.killNode()
	w.nats.kill((w.victim + 1) % nodes)
}

func (w *whole) startNodes() {
	w.startNode()
	w.nats.start((w.victim + 1) % nodes)
}

func (w *whole) cutNode()  { w.victim = w.nats.leader(-1); w.net.cut(nodeAddr(w.victim)) }
func (w *whole) joinNode() { w.net.join(nodeAddr(w.victim)) }

func (w *whole) killGateway() {
	w.t.Helper()
	g := w.gateways[0]
	g.report(series)
	w.taken(g, series)
	g.agent.Kill()
	g.start()
}

// taken waits until a gateway's last report is in its buffer on disk, or has gone on: what
// Telegraf has only read is lost when it is killed.
func (w *whole) taken(g *gateway, series int) {
	w.t.Helper()
	src, dst := source(g.reports-1), destination(series-1)
	require.Eventually(w.t, func() bool { return g.buffered(src, dst) || w.has(g, src, dst) }, time.Minute, 5*time.Millisecond)
}

// has reports whether Postgres has a row of these addresses.
func (w *whole) has(g *gateway, src, dst string) (found bool) {
	const stored = "SELECT EXISTS (SELECT FROM vpn_traffic WHERE host = $1 AND src = $2 AND dst = $3)"
	return w.pg.DB().QueryRow(stored, g.name, src, dst).Scan(&found) == nil && found
}

// elect waits until another node leads the stream.
func (w *whole) elect(*testing.T) { w.nats.leader(w.victim) }

// overflow has more messages come than sinks may hold, which none of them gets rid of.
func (w *whole) overflow() {
	w.t.Helper()
	for _, s := range w.sinks {
		kill(w.t, s.psqlSink)
	}
	limit, err := strconv.Atoi(w.pending)
	require.NoError(w.t, err)
	for deadline := time.Now().Add(time.Minute); w.nats.messages() < 2*limit; {
		require.True(w.t, time.Now().Before(deadline))
		w.report(series / 10)
	}
}

func (w *whole) resume() {
	for _, s := range w.sinks {
		s.startPsqlSink()
	}
}

func (w *whole) removeSink() {
	w.t.Helper()
	last := len(w.sinks) - 1
	w.sinks[last].stop()
	w.sinks[last].finish()
	w.sinks = w.sinks[:last]
}

// Whatever fails between gateways and Postgres: all that gateways have in their buffers is
// stored, once. ROUNDS has everything fail so often, in any order.
func TestCluster(t *testing.T) {
	testkit.Trial(t)
	w := newWhole(t, hurried)
	defer w.end()
	w.startGateway("gw-1")
	w.addGateway("gw-2.example.org")
	w.report(5000)
	w.settle(t)
	for range testkit.Number(t, "ROUNDS", 1) {
		for _, i := range rand.Perm(len(failures)) {
			require.True(t, t.Run(failures[i].name, func(t *testing.T) { w.endure(t, failures[i]) }))
		}
	}
	for _, s := range scenes {
		require.True(t, t.Run(s.name, func(t *testing.T) { s.play(w, t) }))
	}
	t.Run("a gateway writes rows of another", w.impersonate)
	testkit.RequireExact(t, w.pg.DB())
}

// A sink's buffer has room for all messages that it may hold, and they are what the consumer
// gives out.
func TestBuffersAreLargeEnough(t *testing.T) {
	option := func(file, name string) int {
		_, rest, found := strings.Cut(deployed(t, file), name)
		require.True(t, found, "%s in %s", name, file)
		n, err := strconv.Atoi(rest[:strings.IndexAny(rest+" ", " \n")])
		require.NoError(t, err)
		return n
	}
	messages := option("sink.conf", "max_undelivered_messages = ")
	require.GreaterOrEqual(t, option("sink.conf", "metric_buffer_limit = "), messages*option("gateway.conf", "metric_batch_size = "))
	require.Equal(t, messages, option("stream", "--max-pending="))
	require.Equal(t, messages, option("sink.conf", "pending_message_limit = "))
}

func (w *whole) endure(t *testing.T, f failure) {
	w.t = t
	w.report(series)
	f.strike(w)
	for range 3 {
		w.report(series)
		time.Sleep(300 * time.Millisecond) // so that they are messages of their own
	}
	f.meanwhile(w, t)
	f.mend(w)
	w.report(series)
	w.settle(t)
	for _, s := range w.sinks {
		require.Empty(t, dropped(s.agent.Stderr()))
	}
}

// split has a report come in two halves, to one sink each.
func (w *whole) split(t *testing.T) {
	w.t = t
	w.drain(t)
	g := w.gateways[0]
	lines := bytes.SplitAfter(g.next(series), []byte("\n"))
	for i, half := range [][][]byte{lines[:series/2], lines[series/2:]} {
		other := w.sinks[1-i]
		require.NoError(t, other.agent.Stop())
		w.publish(g, bytes.Join(half, nil))
		w.drain(t)
		other.startAgent()
	}
	w.settle(t)
}

// publish publishes a message in the name of a gateway, until the stream has it.
func (w *whole) publish(g *gateway, lines []byte) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		message := w.nats.as(g.name, "pub", "--jetstream", "--force-stdin", "conntrack."+g.name)
		message.Stdin = bytes.NewReader(lines)
		return message.Run() == nil
	}, time.Minute, 100*time.Millisecond)
}

// repeat publishes a report again. All of its rows are duplicates.
func (w *whole) repeat(t *testing.T) {
	w.t = t
	w.drain(t)
	for _, s := range w.sinks { // whose counters begin anew
		s.stop()
		s.start()
	}
	g := w.gateways[0]
	w.publish(g, g.lines(0, series))
	w.drain(t)
	for _, s := range w.sinks {
		s.stop()
		s.finish()
	}
	var duplicates int
	require.NoError(t, w.pg.DB().QueryRow("SELECT sum(duplicates) FROM sink_status WHERE started >= now() - interval '1 minute'").Scan(&duplicates))
	require.Positive(t, duplicates)
	require.Zero(t, duplicates%series, "whole reports: what is not acknowledged in time comes once more")
	w.settle(t)
	for _, s := range w.sinks {
		s.start()
	}
}

// drain waits until sinks have acknowledged all that has come.
func (w *whole) drain(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return w.nats.messages() == 0 }, time.Minute, 100*time.Millisecond)
}

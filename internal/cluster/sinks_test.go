package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// sink is a machine with a Telegraf that takes metrics from NATS, and a psql-sink.
type sink struct {
	t        testing.TB
	machine  *testkit.Netns
	addr     string
	folder   string
	psqlSink *testkit.Child
	agent    *testkit.Child
}

func newSink(t testing.TB, net *network, addr, ca, dsn string, set setting) *sink {
	t.Helper()
	s := &sink{t: t, machine: net.machine(addr), addr: addr, folder: t.TempDir()}
	socket := filepath.Join(s.folder, "write.sock")
	text := deployed(t, "sink.conf", "/etc/telegraf/ca.crt", ca, "/run/psql-sink/write.sock", socket, "/var/lib/telegraf/forged.influx", s.path(forgedFile), "\"1s\"", strconv.Quote(set.flush),
		"max_undelivered_messages = 100", "max_undelivered_messages = "+set.pending, "pending_message_limit = 100", "pending_message_limit = "+set.pending)
	require.NoError(t, os.WriteFile(s.path("telegraf.conf"), []byte(text), 0o600))
	// The rows of tests are old, and kept.
	require.NoError(t, os.WriteFile(s.path("psql-sink.conf"), fmt.Appendf(nil, "[[outputs.vpn_traffic]]\n  dsn = %q\n  listen = [\"unix://%s\"]\n"+
		"  spool = %q\n  retention = 0\n  retention_minute = 0\n  retention_hour = 0\n", dsn, socket, s.path("spool")), 0o600))
	s.startPsqlSink()
	s.startAgent()
	return s
}

func (s *sink) path(name string) string { return filepath.Join(s.folder, name) }

func (s *sink) startPsqlSink() {
	s.t.Helper()
	program := testkit.Binary(s.t, "telegraf-conntrack-accounting/cmd/psql-sink")
	s.psqlSink = testkit.StartChild(s.t, s.machine.Command(program, "listen", "-config", s.path("psql-sink.conf")))
}

// startAgent starts Telegraf, which ends when its node has just come back, and does not know of
// the stream yet.
func (s *sink) startAgent() {
	s.t.Helper()
	s.agent = insist(s.t, testkit.Agent{Config: s.path("telegraf.conf"), Netns: s.machine}, "Started the NATS consumer service")
}

// kill kills a program that may have ended already.
func kill(t testing.TB, child *testkit.Child) {
	t.Helper()
	child.Signal(syscall.SIGKILL)
	require.Error(t, child.Wait(time.Minute))
}

// kill kills both programs.
func (s *sink) kill() {
	s.t.Helper()
	kill(s.t, s.agent)
	kill(s.t, s.psqlSink)
}

func (s *sink) start() {
	s.startPsqlSink()
	s.startAgent()
}

// stop ends a sink as systemd does.
func (s *sink) stop() {
	s.t.Helper()
	require.NoError(s.t, s.agent.Stop())
	require.NoError(s.t, s.psqlSink.Stop())
}

// waiting returns the reports in its spool.
func (s *sink) waiting() int {
	files, err := filepath.Glob(s.path("spool/new/[^.]*"))
	require.NoError(s.t, err)
	return len(files)
}

// finish waits until a sink that was stopped has nothing left in its spool.
func (s *sink) finish() {
	s.t.Helper()
	if s.waiting() == 0 {
		return
	}
	s.startPsqlSink()
	require.Eventually(s.t, func() bool { return s.waiting() == 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(s.t, s.psqlSink.Stop())
}

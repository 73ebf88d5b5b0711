package systemd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/testkit"
)

// listening returns what hears a Notifier, the Notifier, and its log.
func listening(t *testing.T, environment ...string) (*testkit.Manager, *Notifier, *bytes.Buffer) {
	t.Helper()
	m, log := testkit.NewManager(t), new(bytes.Buffer)
	for _, variable := range append(m.Environment(20*time.Millisecond), environment...) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	n := New(execd.NewLogger(log, log, false))
	t.Cleanup(n.Stop)
	return m, n, log
}

func TestNotifier(t *testing.T) {
	m, n, log := listening(t)
	n.Ready("no report waits")
	for range 3 {
		<-n.Due()
		n.Report("all is well", false)
	}
	for range 3 {
		<-n.Due()
		n.Report("nothing moves", true)
	}
	n.Report("it moves again", false)
	n.Stopping()
	m.Hears("STOPPING=1")
	require.Equal(t, "STATUS=starting\nREADY=1\nSTATUS=no report waits\n"+
		strings.Repeat("WATCHDOG=1\nSTATUS=all is well\n", 3)+
		strings.Repeat("\nSTATUS=nothing moves\n", 3)+
		"WATCHDOG=1\nSTATUS=it moves again\nSTOPPING=1\nSTATUS=ending\n", m.Text())
	require.Equal(t, "E! stuck (nothing moves): systemd starts the service again if its unit has WatchdogSec=\n", log.String())
}

// Without systemd, as under Telegraf, there is nothing to do, nor to log.
func TestNobodyListens(t *testing.T) {
	_, n, log := listening(t, "NOTIFY_SOCKET=")
	require.Nil(t, n.Due())
	n.Ready("")
	n.Report("", false)
	n.Stopping()
	require.Empty(t, log.String())
}

func TestAMalformedWatchdog(t *testing.T) {
	_, n, log := listening(t, "WATCHDOG_USEC=soon")
	require.Contains(t, log.String(), "W! systemd's watchdog cannot be used: ")
	require.NotNil(t, n.Due(), "the status is told all the same")
}

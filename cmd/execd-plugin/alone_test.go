package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Without Telegraf: it gathers by itself, what it counts is in report files, and
// SIGTERM ends it with one more.
func TestWithoutTelegraf(t *testing.T) {
	r := newRuns(t)
	folder := filepath.Join(t.TempDir(), "new")
	require.NoError(t, os.Mkdir(folder, 0o700))
	text := fmt.Sprintf("[[inputs.conntrack_accounting]]\n  report_directory = %q\n  state_file = %q\n", folder, r.state)
	require.NoError(t, os.WriteFile(r.config, []byte(text), 0o600))
	process := testkit.StartChild(t, r.ns.Command(r.program, "-config", r.config, "-poll_interval", "100ms")) // stdin is /dev/null
	require.Eventually(t, func() bool { return len(process.Stderr()) > 0 }, 30*time.Second, 10*time.Millisecond)

	require.NoError(t, r.ns.UDP("10.32.0.1", "10.33.0.1:53", 10, 100))
	require.Eventually(t, func() bool { return reported(t, folder) == 10 }, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, r.ns.UDP("10.32.0.2", "10.33.0.1:53", 5, 100))
	require.NoError(t, process.Stop())
	require.Equal(t, 15, reported(t, folder))
	require.NotContains(t, process.Stderr(), "E! ")
}

// reported returns the packets of all reports.
func reported(t *testing.T, folder string) (packets int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			const srcPackets = 5
			n, err := strconv.Atoi(strings.Split(line, ",")[srcPackets])
			require.NoError(t, err)
			packets += n
		}
	}
	return packets
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

func TestWatchEndsAtSIGTERM(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	require.NoError(t, os.MkdirAll(filepath.Join(p.spool, "new"), 0o755))
	name := filepath.Join(p.spool, "new", fmt.Sprintf("%019d-1-000001_gw.csv", epoch))
	require.NoError(t, os.WriteFile(name, []byte("1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,1,1,1,0,0\n"), 0o600))
	cmd := p.start(nil, "watch")
	require.Eventually(t, func() bool { return p.waiting() == 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())

	bad := p.start(nil, "watch", "-bad")
	require.Error(t, bad.Wait())
	require.Equal(t, 2, bad.ProcessState.ExitCode())
}

// A sink whose spool is full says so and ends, and what it has read by then is
// safe: Telegraf keeps the rest.
func TestAFullSpoolEndsTheProgram(t *testing.T) {
	p := build(t, "host="+t.TempDir())
	config, err := os.ReadFile(p.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.config, append(config, "  spool_limit = \"10KiB\"\n"...), 0o600))
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = out.Close() }()
	var problems bytes.Buffer
	cmd := exec.Command(p.path, "-config", p.config)
	cmd.Stdin, cmd.Stderr = in, &problems
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())

	const rows = 500 // less than the pipe holds, more than the spool's limit
	for i := range rows {
		_, err := fmt.Fprintf(out, "traffic,src=10.%d.%d.0,dst=10.33.0.0,proto=tcp,port=443 src_packets=1i,src_bytes=1i,dst_packets=1i,dst_bytes=1i 1700000000000000000\n", i/250, i%250)
		require.NoError(t, err)
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Contains(t, problems.String(), "W! Postgres is unreachable: ")
	require.Contains(t, problems.String(), "E! the spool is full: ")
	_, err = io.WriteString(out, "more\n")
	require.ErrorIs(t, err, syscall.EPIPE)

	require.Equal(t, rows, p.stored())
}

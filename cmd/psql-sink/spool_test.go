package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Without a free inotify instance, files are found all the same, and the log
// says once what is missing. The limit is one of a user namespace of its own.
func TestWatchWithoutInotify(t *testing.T) {
	t.Parallel()
	testkit.NeedUserNamespace(t)
	pg := testkit.Postgres(t)
	require.NoError(t, os.Chmod(pg.Dir(), 0o755)) // root of that namespace may not pass by permissions
	p := build(t, pg.DSN())
	const script = `echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"`
	child := testkit.StartChild(t, exec.Command(testkit.Tool("unshare"), "--user", "--map-root-user", "sh", "-c", script, "sh",
		p.path, "watch", "-config", p.config))
	require.Eventually(t, func() bool { return strings.Contains(child.Stdout(), "importing reports from ") }, time.Minute, 10*time.Millisecond)
	for n := range 3 {
		outside := filepath.Join(p.spool, "outside")
		require.NoError(t, os.WriteFile(outside, fmt.Appendf(nil, "%d,tcp,10.0.0.1,10.0.0.2,443,1,1,1,1,0,0\n", epoch+int64(n)*interval), 0o600))
		require.NoError(t, os.Rename(outside, filepath.Join(p.spool, "new", fmt.Sprintf("%019d-1-000001_gw.csv", epoch+int64(n)))))
		require.Eventually(t, func() bool { return p.waiting() == 0 }, time.Minute, 10*time.Millisecond)
	}
	require.NoError(t, child.Stop())
	require.Equal(t, "W! watching the spool (see the sysctl fs.inotify.max_user_instances): couldn't initialize inotify: "+
		"too many open files; looking for new files every 1s instead\n", child.Stderr())
	var rows int
	require.NoError(t, pg.DB().QueryRow(`SELECT count(*) FROM vpn_traffic`).Scan(&rows))
	require.Equal(t, 3, rows)
}

// A sink whose disk gets full says so and ends, and what it has read by then
// is safe in the room that the reserve has kept.
func TestAFullDiskEndsTheProgram(t *testing.T) {
	t.Parallel()
	disk := testkit.NewDisk(t, 32<<20)
	p := build(t, "host="+t.TempDir()) // where there is no database
	p.spool = filepath.Join(disk.Path(), "spool")
	require.NoError(t, os.WriteFile(p.config, fmt.Appendf(nil, "[[outputs.vpn_traffic]]\n  dsn = \"host=%s\"\n  spool = %q\n", t.TempDir(), p.spool), 0o600))
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = out.Close() }()
	var problems bytes.Buffer
	cmd := exec.Command(p.path, "-config", p.config)
	cmd.Stdin, cmd.Stderr = in, &problems
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())
	require.Eventually(t, func() bool {
		info, err := os.Stat(filepath.Join(p.spool, ".reserve"))
		return err == nil && info.Size() == 16<<20
	}, time.Minute, 10*time.Millisecond)
	disk.Fill(16 << 10)

	const rows = 600 // less than the pipe holds, more than the disk
	for i := range rows {
		_, err := fmt.Fprintf(out, "traffic,src=10.%d.%d.0,dst=10.33.0.0,proto=tcp,port=443 src_packets=1i,src_bytes=1i,dst_packets=1i,dst_bytes=1i 1700000000000000000\n", i/250, i%250)
		require.NoError(t, err)
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Contains(t, problems.String(), "E! the spool is full: the disk of "+p.spool+" has less than 16777216 bytes left; free some space on it")
	_, err = fmt.Fprint(out, "more\n")
	require.ErrorIs(t, err, syscall.EPIPE)
	require.Equal(t, rows, p.stored())
	hidden, err := filepath.Glob(filepath.Join(p.spool, "new", ".*"))
	require.NoError(t, err)
	require.Empty(t, hidden)
}

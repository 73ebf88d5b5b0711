package main

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

const (
	series   = 2000 // of a report
	interval = int64(15 * time.Second)
	epoch    = int64(1_700_000_000_000_000_000)
)

// requireOnce checks that all series of all reports are there, and once.
func requireOnce(t *testing.T, db *sql.DB, reports int) {
	t.Helper()
	var rows, keys, bytes int64
	require.NoError(t, db.QueryRow(`SELECT count(*), count(DISTINCT (host, time, src, dst, proto, port)), coalesce(sum(src_bytes), 0)
		FROM vpn_traffic`).Scan(&rows, &keys, &bytes))
	want := int64(reports) * series
	require.Equal(t, []int64{want, want, want * (want - 1) / 2}, []int64{rows, keys, bytes}, "rows, keys, bytes")
}

// Each row has its own number as src_bytes, so that their sum tells them apart.
func number(report, i int) int { return report*series + i }

// metrics returns a report, of a time in nanoseconds, as Telegraf writes it.
func metrics(report int, at int64) string {
	var lines strings.Builder
	for i := range series {
		fmt.Fprintf(&lines, "conntrack_accounting,host=gw,src=10.%d.%d.0,dst=10.33.0.0,proto=tcp,port=443 "+
			"src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=1i %d\n", 32+i/250, i%250, number(report, i), at)
	}
	return lines.String()
}

// Telegraf sends a batch again when it could not write all of it to the pipe.
// So does the test, after each kill; what the killed process had stored or
// spooled must not count twice.
func TestKillWhileItReads(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	const reports = 12
	var lines strings.Builder
	for n := range reports {
		lines.WriteString(metrics(n, epoch+int64(n)*interval))
	}
	const seed = 20231115
	random := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		in, out, err := os.Pipe()
		require.NoError(t, err)
		cmd := p.start(in)
		require.NoError(t, in.Close())
		timer := time.AfterFunc(time.Duration(random.IntN(400_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		_, _ = io.WriteString(out, lines.String()) // until the pipe breaks, or all
		_ = cmd.Wait()
		timer.Stop()
		require.NoError(t, out.Close())
	}
	require.NoError(t, p.start(strings.NewReader(lines.String())).Wait())
	p.finish()
	requireOnce(t, pg.DB(), reports)
	testkit.RequireExact(t, pg.DB())
}

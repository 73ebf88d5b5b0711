package bench

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// floodSources is how many spoofed addresses a flood comes from.
const floodSources = 500_000

// BenchmarkFlood measures what a flood of SYNs from spoofed sources that nobody
// answers costs: the gather that reads it, its series, the memory of plugin and
// sink at the peak and after it, and what it takes in Postgres.
func BenchmarkFlood(b *testing.B) {
	var t table
	t.add("", "gather", "series", "series as flows end", "plugin's peak", "plugin after", "rows", "import", "Postgres", "sink's peak", "sink after")
	for _, options := range [][]string{
		{},
		{"max_series = 1000"},
		{"max_series = 1000", `unanswered = "fold"`},
		{"max_series = 1000", `unanswered = "ignore"`},
	} {
		t.add(append([]any{cmp.Or(strings.Join(options, ", "), "the defaults")}, flood(b, options)...)...)
	}
	t.print(fmt.Sprintf("A flood of SYNs from %d sources", floodSources))
}

// flood returns the columns of a row.
func flood(b *testing.B, options []string) []any {
	ns := newTable(b, 0)
	allow(b, floodSources)
	ns.Nft(b, `table inet firewall { chain in { type filter hook input priority filter; tcp dport 81 drop; }; }`)
	pg, spool := testkit.Postgres(b), filepath.Join(b.TempDir(), "spool")
	sink := startSink(b, pg.DSN(), spool)
	size := sizeOf(b, pg)
	p := startProgram(b, ns, testkit.Binary(b, module+"/cmd/execd-plugin"),
		append(options, fmt.Sprintf("report_directory = %q", filepath.Join(spool, "new")))...)
	p.gather()

	require.NoError(b, ns.SYNs(netip.MustParseAddr("10.40.0.0"), floodSources, netip.MustParseAddrPort("10.33.0.1:81")))
	begun := time.Now()
	series := p.gather()
	gather := time.Since(begun)
	require.NoError(b, ns.Flush())
	begun = time.Now()
	ended := p.gather()
	for range 8 {
		p.gather()
	}
	after := residentOf(p.cmd.Process.Pid)
	peak := peakOf(p.cmd.Process.Pid)
	p.stop()

	db, rows := pg.DB(), 0
	require.Eventually(b, func() bool {
		left, err := filepath.Glob(filepath.Join(spool, "new", "*.csv"))
		return err == nil && len(left) == 0
	}, 10*time.Minute, 20*time.Millisecond)
	imported := time.Since(begun)
	require.NoError(b, db.QueryRow(`SELECT count(*) FROM vpn_traffic`).Scan(&rows))
	time.Sleep(30 * time.Second)
	sinkAfter, sinkPeak := residentOf(sink.Process.Pid), peakOf(sink.Process.Pid)
	return []any{ms(gather), series, ended, mb(peak), mb(after), rows, ms(imported), mb((sizeOf(b, pg) - size) / 1024), mb(sinkPeak), mb(sinkAfter)}
}

// startSink starts psql-sink on the files of a spool, and waits until the database
// is as it needs it.
func startSink(b *testing.B, dsn, spool string) *exec.Cmd {
	file := filepath.Join(b.TempDir(), "sink.conf")
	require.NoError(b, os.MkdirAll(filepath.Join(spool, "new"), 0o755))
	require.NoError(b, os.WriteFile(file, fmt.Appendf(nil, "[[outputs.vpn_traffic]]\ndsn = %q\nspool = %q\n", dsn, spool), 0o644))
	program := testkit.Binary(b, module+"/cmd/psql-sink")
	out, err := exec.Command(program, "migrate", "-config", file).CombinedOutput()
	require.NoError(b, err, string(out))
	cmd := exec.Command(program, "watch", "-config", file)
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	return cmd
}

// sizeOf returns the size of the database, in bytes.
func sizeOf(b *testing.B, pg *testkit.PG) (size int) {
	require.NoError(b, pg.DB().QueryRow(`SELECT pg_database_size(current_database())`).Scan(&size))
	return size
}

// residentOf returns the memory that a process has now, in KiB.
func residentOf(pid int) (kib int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, now, _ := strings.Cut(string(status), "VmRSS:")
	_, _ = fmt.Sscan(now, &kib)
	return kib
}

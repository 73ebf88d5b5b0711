package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A standby that no commit waits for takes over without the last reports, and without the
// day that they began. The sink goes on; what it has kept is imported again, and nothing of
// it is there twice.
func TestAFailoverThatLosesRows(t *testing.T) {
	t.Parallel()
	first := testkit.Postgres(t)
	second := first.Standby(testkit.PGSetup{})
	p := build(t, "")
	p.configure("dsn = %q\n  archive = true", "user=postgres dbname=vpn host="+first.Dir()+","+second.Dir())
	in, out, err := os.Pipe()
	require.NoError(t, err)
	sink := p.start(in)
	require.NoError(t, in.Close())
	made := 0
	report := func(pg *testkit.PG, count, stored int) {
		t.Helper()
		for range count {
			at := epoch + int64(made)*interval
			if made >= 3 {
				at += int64(24 * time.Hour)
			}
			_, err := out.WriteString(metrics(made, at))
			require.NoError(t, err)
			made++
		}
		require.Eventually(t, func() bool {
			var rows int
			return pg.DB().QueryRow(`SELECT count(*) FROM vpn_traffic`).Scan(&rows) == nil && rows == stored*series && p.waiting() == 0
		}, time.Minute, 10*time.Millisecond)
	}
	report(first, 3, 3)
	report(second, 0, 3)
	second.Stop("fast") // and has nothing of what follows
	report(first, 3, 6)
	first.Kill9()
	second.Start()
	second.Promote()
	report(second, 1, 4)
	require.NoError(t, out.Close())
	require.NoError(t, sink.Wait())
	testkit.RequireExact(t, second.DB())

	recipe := strings.NewReplacer("runuser -u telegraf -- psql-sink", p.path, "/etc/telegraf/vpn_traffic.conf", p.config,
		"/var/lib/psql-sink", p.spool).Replace(block(t, "### After a failover that lost rows", "sh"))
	for _, says := range []string{"files: 6000 rows imported, 8000 duplicate, 0 rejected", "files: 0 rows imported, 14000 duplicate, 0 rejected"} {
		said, err := exec.Command("sh", "-ec", recipe).CombinedOutput()
		require.NoError(t, err, "%s", said)
		require.Contains(t, string(said), says)
		requireOnce(t, second.DB(), made)
		testkit.RequireExact(t, second.DB())
	}
	kept, err := filepath.Glob(filepath.Join(p.spool, "processed", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, kept)
	verified, code := p.output("verify", "-config", p.config)
	require.Zero(t, code, verified)
}

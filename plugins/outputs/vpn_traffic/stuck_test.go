package vpn_traffic

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// pin makes a file that nobody can rename or remove, of another one.
func pin(t *testing.T, from, path string) (unpin func()) {
	t.Helper()
	require.NoError(t, unix.Mount(from, path, "", unix.MS_BIND, ""))
	mounted := true
	unpin = func() {
		if mounted {
			require.NoError(t, unix.Unmount(path, 0))
		}
		mounted = false
	}
	t.Cleanup(unpin)
	return unpin
}

// Reports that cannot be read, or not be moved, hold up nothing: not the others that
// are imported with them, nor those behind them. They come in once that is mended.
func testStuck(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	row := func(port int) string {
		return fmt.Sprintf("1500000000000000000,tcp,10.32.1.0,10.33.0.0,%d,1,2,3,4,5,6\n", port)
	}
	name := func(n int) string { return reportfile.FileName(time.Unix(1_700_000_000, 0), 1, n, "gw") }
	path := func(n int) string { return filepath.Join(s.Spool, "new", name(n)) }
	for n := range 6 {
		s.drop(name(n), row(n)+"nonsense\n")
	}
	outside := filepath.Join(t.TempDir(), "outside.csv")
	require.NoError(t, os.WriteFile(outside, []byte(row(9)+"nonsense\n"), 0o600))
	unreadable := pin(t, "/proc/self/mem", path(0)) // of which the beginning is an error
	unmovable := pin(t, outside, path(1))
	s.open()
	require.Eventually(t, func() bool { return strings.Count(s.log.String(), "E! skipping ") == 2 }, time.Minute, 10*time.Millisecond)
	s.write(reports("gw", noon, 3)...)
	require.Eventually(t, func() bool { return len(s.files("new")) == 2 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, "8, 8", query(t, db, exact), "2 to 5, 9, and three more")
	log := s.log.String()
	require.Contains(t, log, fmt.Sprintf(`E! skipping %q, which can be neither imported nor moved to rejected/ (retried every 10m0s): read %s: input/output error`, name(0), path(0)))
	require.Contains(t, log, fmt.Sprintf(`E! skipping %q, which is imported and cannot be taken out of new/ (retried every 10m0s): finishing a report: remove %s: device or resource busy`, name(1), path(1)))
	require.Len(t, s.files("rejected"), 5, "what is tried again notes nothing a second time")

	unreadable()
	unmovable()
	s.write(reports("gw", noon, 4)...)
	s.drained()
	s.close()
	require.Equal(t, "11, 11", query(t, db, exact))
	require.Contains(t, s.log.String(), "11 rows from ")
	require.NotContains(t, s.log.String(), "passed over")
	require.NotContains(t, s.log.String(), "cannot work with the spool")
}

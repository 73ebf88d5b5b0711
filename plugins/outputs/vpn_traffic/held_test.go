package vpn_traffic

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// An import that waits for somebody's lock is broken off, and is not stuck, however long
// that goes on. It is stuck when the server does not even end what was broken off.
func TestHeldByPostgres(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	s := newSink(t, pg.DSN(), t.TempDir())
	s.patience = 3 * time.Second
	s.open()
	s.write(reports("gw", noon, 3)...)
	s.drained()
	require.Eventually(t, func() bool {
		line, stuck := s.Status()
		require.False(t, stuck)
		return strings.HasPrefix(line, "no report waits; storing into "+pg.Name()+" at ")
	}, time.Minute, 10*time.Millisecond)

	lock, err := pg.DB().Begin()
	require.NoError(t, err)
	defer func() { _ = lock.Rollback() }()
	_, err = lock.Exec("LOCK TABLE vpn_traffic")
	require.NoError(t, err)
	s.write(reports("gw", noon.Add(time.Minute), 3)...)
	require.Eventually(t, func() bool {
		_, stuck := s.Status()
		require.False(t, stuck)
		return strings.Contains(s.log.String(), "still so\n") // the second attempt has failed
	}, time.Minute, 10*time.Millisecond)
	line, stuck := s.Status()
	require.Regexp(t, `^1 report waits \(\d+ bytes\); Postgres takes no rows .* since \d\d:\d\d:\d\d: `, line)

	stopped := make(map[int]bool)
	defer func() {
		for pid := range stopped {
			_ = unix.Kill(pid, unix.SIGCONT)
		}
	}()
	require.Eventually(t, func() bool {
		for _, pid := range waiting(t, pg) {
			require.NoError(t, unix.Kill(pid, unix.SIGSTOP))
			stopped[pid] = true
		}
		line, stuck = s.Status()
		return stuck
	}, time.Minute, 10*time.Millisecond)
	require.NotEmpty(t, stopped)
	require.Contains(t, line, "importing has not moved for ")

	require.NoError(t, lock.Rollback())
	for pid := range stopped {
		require.NoError(t, unix.Kill(pid, unix.SIGCONT))
	}
	s.drained()
	_, stuck = s.Status()
	require.False(t, stuck)
	s.close()
	require.Equal(t, "6, 6", query(t, pg.DB(), exact))
}

// waiting returns the processes of the server in which sinks wait for a lock.
func waiting(t *testing.T, pg *testkit.PG) (pids []int) {
	t.Helper()
	rows, err := pg.DB().Query(`SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'psql-sink' AND wait_event_type = 'Lock'`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var pid int
		require.NoError(t, rows.Scan(&pid))
		pids = append(pids, pid)
	}
	require.NoError(t, rows.Err())
	return pids
}

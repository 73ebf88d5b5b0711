package ingest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/spool"
)

// What cannot be imported but be moved is set aside after some attempts. When it is
// the spool that fails, nothing is counted against a report.
func TestStuckReportsAreSetAside(t *testing.T) {
	dir, log := t.TempDir(), &bytes.Buffer{}
	reports, err := spool.Open(dir, spool.Options{})
	require.NoError(t, err)
	require.NoError(t, reports.Put("gw", []byte("1\n")))
	list := func() []spool.Entry {
		entries, err := reports.List()
		require.NoError(t, err)
		return entries
	}
	s, now := newStuck(execd.NewLogger(log, log, false), reports), time.Now()
	rejected := filepath.Join(dir, "rejected")
	require.NoError(t, os.Remove(rejected))
	for range 2 * maxAttempts {
		s.add(list()[0], unix.EIO, false)
		err := s.decide(now)
		require.ErrorContains(t, err, "the folder "+rejected+" must be writable by this user")
		require.True(t, isSpoolError(err))
	}
	require.NoError(t, os.Mkdir(rejected, 0o750))
	for range maxAttempts {
		due, _ := s.sort(list(), now)
		require.Len(t, due, 1)
		s.add(due[0], unix.EIO, false)
		require.NoError(t, s.decide(now))
		due, _ = s.sort(list(), now)
		require.Empty(t, due, "not at once")
		now = now.Add(minPause << maxAttempts)
	}
	require.Empty(t, list())
	require.Regexp(t, `^E! set "\d+-\d+-\d+_gw.csv" aside in `+rejected+" after 5 attempts: input/output error\n$", log)
	require.Zero(t, s.count())
}

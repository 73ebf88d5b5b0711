package spool_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/spool"
)

func requireLost(t *testing.T, w *spool.Watch) {
	t.Helper()
	select {
	case <-w.Lost():
	case <-time.After(time.Minute):
		require.FailNow(t, "the watch was not lost")
	}
}

func TestWatchTellsOfReportsThatAppear(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	s := open(t, dir, spool.Options{})
	wakes := make(chan struct{}, 100)
	w, err := s.Watch(func() { wakes <- struct{}{} })
	require.NoError(t, err)

	outside := filepath.Join(elsewhere, "a.csv")
	require.NoError(t, os.WriteFile(outside, []byte("1\n"), 0o600))
	require.NoError(t, os.Rename(outside, filepath.Join(dir, "new", "a.csv")), "another program moves one in")
	<-wakes
	drop(t, dir, ".hidden", "2\n", time.Hour)
	drop(t, dir, "hidden.tmp", "2\n", time.Hour)
	require.NoError(t, s.Put("gw", []byte("3\n")), "for which a temporary file is renamed")
	<-wakes
	drop(t, dir, "b.csv", "4\n", time.Hour)
	<-wakes
	for _, entry := range list(t, s) {
		require.NoError(t, s.Done(entry))
	}
	require.NoError(t, w.Close())
	requireLost(t, w)
	require.Empty(t, wakes, "nothing else is worth waking for")
}

func TestWatchTellsThatItsFolderIsGone(t *testing.T) {
	for name, remove := range map[string]func(string) error{
		"removed": os.RemoveAll,
		"renamed": func(folder string) error { return os.Rename(folder, folder+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := open(t, dir, spool.Options{}).Watch(func() {})
			require.NoError(t, err)
			require.NoError(t, remove(filepath.Join(dir, "new")))
			requireLost(t, w)
			require.NoError(t, w.Close())
		})
	}
}

// A file that another program writes in place is left alone while it is open,
// however long the program thinks between two lines.
func TestAFileThatIsBeingWrittenIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	path := drop(t, dir, "slow.csv", "1\n", time.Hour)
	writer, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	require.Empty(t, list(t, s))
	require.False(t, s.Settles().IsZero(), "to be looked at again")
	require.EqualValues(t, 2, s.Waiting(), "but counted")
	require.NoError(t, writer.Close())
	require.Len(t, list(t, s), 1)
	require.Zero(t, s.Settles())
}

func TestAFreshFileIsLeftToSettle(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	for name, ago := range map[string]time.Duration{"fresh.csv": 0, "from a clock ahead of ours.csv": -time.Hour} {
		path := drop(t, dir, name, "1\n", ago)
		require.Empty(t, list(t, s))
		require.WithinRange(t, s.Settles(), time.Now(), time.Now().Add(2*time.Second))
		require.Eventually(t, func() bool { return len(list(t, s)) == 1 }, time.Minute, 10*time.Millisecond)
		require.NoError(t, os.Remove(path))
	}
}

package spool_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
)

// archive has one report after the other imported, and returns their names.
func archive(t *testing.T, s *spool.Spool, count, size int) (all []string) {
	t.Helper()
	for range count {
		require.NoError(t, s.Put("gw", make([]byte, size)))
		entry := list(t, s)[0]
		require.NoError(t, s.Done(entry))
		require.NoError(t, s.Tidy(time.Now()))
		all = append(all, entry.Name)
	}
	return all
}

func TestTheArchiveHasASize(t *testing.T) {
	const count, size, limit = 100, 100, 3200
	dir := t.TempDir()
	s := open(t, dir, spool.Options{Archive: true, ArchiveMaxSize: limit})
	all := archive(t, s, count, size)
	left := names(t, dir, "processed")
	require.Equal(t, all[count-len(left):], left, "the oldest went first")
	require.LessOrEqual(t, len(left)*size, limit)
	require.Greater(t, len(left)*size, limit*3/4, "and no more than had to")
	stats := s.Stats()
	require.Equal(t, spool.Count{Files: int64(len(left)), Bytes: int64(len(left) * size)}, stats.Archived)
	require.Equal(t, spool.Count{Files: int64(count - len(left)), Bytes: int64((count - len(left)) * size)}, stats.Deleted)

	again := open(t, dir, spool.Options{ArchiveMaxSize: limit / 2})
	require.NoError(t, again.Tidy(time.Now()))
	require.Less(t, len(names(t, dir, "processed"))*size, limit/2, "what was there at the start counts too")
}

func TestTheArchiveHasAnAge(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{Archive: true, ArchiveMaxAge: time.Hour})
	drop(t, dir, "history.csv", "1\n", 1000*time.Hour)
	require.NoError(t, s.Done(list(t, s)[0]))
	archive(t, s, 3, 100)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "processed", "folder"), 0o700))
	require.NoError(t, s.Tidy(time.Now().Add(59*time.Minute)))
	require.Len(t, names(t, dir, "processed"), 5, "an old file is as old as its stay in the archive")
	require.NoError(t, s.Tidy(time.Now().Add(70*time.Minute)))
	require.Equal(t, []string{"folder"}, names(t, dir, "processed"))
	require.Equal(t, spool.Count{Files: 4, Bytes: 302}, s.Stats().Deleted)
}

func TestTheArchiveWithoutLimitsIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{Archive: true})
	archive(t, s, 10, 100)
	require.NoError(t, s.Tidy(time.Now().Add(100_000*time.Hour)))
	require.Len(t, names(t, dir, "processed"), 10)
	require.Equal(t, spool.Count{Files: 10, Bytes: 1000}, s.Stats().Archived)
	require.Zero(t, s.Stats().Deleted)
}

func TestTidyLooksEveryTenMinutes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	now := time.Now()
	require.NoError(t, s.Tidy(now))
	require.Zero(t, s.Stats().Rejected)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rejected", "a.csv"), []byte("bad\n"), 0o600))
	temporary := drop(t, dir, ".1700000000000000000-1-000001_.csv.tmp", "half", time.Minute)
	require.NoError(t, s.Tidy(now.Add(9*time.Minute)))
	require.Zero(t, s.Stats().Rejected)
	require.FileExists(t, temporary)
	require.NoError(t, s.Tidy(now.Add(10*time.Minute)))
	require.Equal(t, spool.Count{Files: 1, Bytes: 4}, s.Stats().Rejected)
	require.NoFileExists(t, temporary, "a crash left it behind")
}

func TestHalfWrittenRejectsGoWithTheLock(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	half := filepath.Join(dir, "rejected", ".a.csv.tmp")
	require.NoError(t, os.WriteFile(half, []byte("# line 1: "), 0o600))
	open(t, dir, spool.Options{})
	require.FileExists(t, half, "another importer may be writing it")
	require.NoError(t, s.Lock(t.Context()))
	require.NoFileExists(t, half, "now there is none")
	require.NoError(t, s.Unlock())
}

func TestRejectedMetricsAreKeptForSomeDays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	other := filepath.Join(dir, "rejected", "metrics-of-mine.txt")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	for day := range 20 {
		_, kept, err := s.Reject(time.Date(2023, 11, 1+day, 0, 0, 0, 0, time.UTC), []byte("bad\n"))
		require.NoError(t, err)
		require.True(t, kept)
	}
	var want []string
	for day := 7; day <= 20; day++ {
		want = append(want, fmt.Sprintf("metrics-202311%02d.txt", day))
	}
	require.Equal(t, append(want, filepath.Base(other)), names(t, dir, "rejected"))
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{Archive: true})
	require.Zero(t, s.Stats())
	begin := time.Now()
	require.NoError(t, s.Put("gw", []byte("1\n")))
	first := s.Stats()
	require.Equal(t, spool.Count{Files: 1, Bytes: 2}, first.Waiting)
	require.False(t, first.Oldest.Before(begin), "without a List")
	drop(t, dir, "history.csv", "22\n", 1000*time.Hour)
	require.NoError(t, s.Put("gw", []byte("333\n")))

	entries := list(t, s)
	require.Equal(t, "history.csv", entries[0].Name)
	require.Equal(t, spool.Count{Files: 3, Bytes: 9}, s.Stats().Waiting)
	// The kernel's clock for files is some milliseconds behind.
	require.False(t, s.Stats().Oldest.Before(begin.Add(-time.Second)), "it waits since it came, however old it is")
	require.NoError(t, s.Done(entries[0]))
	require.NoError(t, s.Done(entries[1]))
	stats := s.Stats()
	require.Equal(t, spool.Count{Files: 1, Bytes: 4}, stats.Waiting)
	require.True(t, stats.Oldest.After(first.Oldest))
	require.Equal(t, spool.Count{Files: 2, Bytes: 5}, stats.Archived)
	require.NoError(t, s.Quarantine(entries[2], os.ErrInvalid))
	stats = s.Stats()
	require.Zero(t, stats.Waiting)
	require.Zero(t, stats.Oldest)
	require.EqualValues(t, 2, stats.Rejected.Files)
	require.NoError(t, s.Tidy(time.Now()))
	require.Equal(t, stats, s.Stats(), "counted anew it is the same")
}

// Reports that are imported at the same time leave in any order.
func TestTheOldestOfWhatIsLeft(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	var oldest []time.Time
	for range 4 {
		require.NoError(t, s.Put("gw", []byte("1\n")))
	}
	entries := list(t, s)
	for _, entry := range entries {
		oldest = append(oldest, reportfile.ParseName(entry.Name).Arrived)
	}
	for _, step := range []struct {
		done int
		left time.Time
	}{{1, oldest[0]}, {2, oldest[0]}, {0, oldest[3]}, {3, time.Time{}}} {
		require.NoError(t, s.Done(entries[step.done]))
		require.Equal(t, step.left, s.Stats().Oldest)
	}
}

package spool_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
)

// sizeOf returns how many bytes the files of a folder have.
func sizeOf(t *testing.T, dir, folder string) (size int64) {
	t.Helper()
	for _, name := range names(t, dir, folder) {
		info, err := os.Lstat(filepath.Join(dir, folder, name))
		require.NoError(t, err)
		size += info.Size()
	}
	return size
}

// What is too much for one file of a day goes on in the next, entry by entry, until
// the day has all that it may.
func TestRejectedMetricsHaveABound(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	at := time.Unix(1700000000, 0)
	entry := append([]byte("# reason\n"), append(bytes.Repeat([]byte("x"), 1<<20), '\n')...)
	chunk := bytes.Repeat(entry, 20)
	name, kept, err := s.Reject(at, chunk)
	require.NoError(t, err)
	require.True(t, kept, "a batch that is larger than a file")
	require.Equal(t, "metrics-20231114-2.txt", filepath.Base(name))
	for kept {
		_, kept, err = s.Reject(at, chunk)
		require.NoError(t, err)
	}
	require.Len(t, names(t, dir, "rejected"), 4)
	require.LessOrEqual(t, sizeOf(t, dir, "rejected"), int64(spool.DailyLimit))
	require.Greater(t, sizeOf(t, dir, "rejected"), int64(spool.DailyLimit-4*len(entry)))
	for _, name := range names(t, dir, "rejected") {
		text, err := os.ReadFile(filepath.Join(dir, "rejected", name))
		require.NoError(t, err)
		require.Equal(t, len(text)/len(entry), bytes.Count(text, entry), "%s has a cut entry", name)
	}
	_, kept, err = s.Reject(at.AddDate(0, 0, 1), chunk)
	require.NoError(t, err)
	require.True(t, kept)
}

// A line that is no row costs the reason, too, which may be much longer.
func TestWhatIsNotedOfAReportIsBounded(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	drop(t, dir, "a.csv", "x\n", time.Hour)
	rejects := s.Rejects(list(t, s)[0])
	for n := range 1_000_000 { // 2 MB of lines, 45 MB with what is wrong with them
		require.NoError(t, rejects.Add(&reportfile.BadLine{Number: n, Text: "x", Reason: errors.New("has 1 columns, not 11, 12 or 14")}))
		if n%100_000 == 0 {
			require.Less(t, sizeOf(t, dir, "rejected"), int64(17<<20))
		}
	}
	require.ErrorContains(t, rejects.Overflow(), "1000000 lines are not rows, more than are kept apart; the first: line 0: has 1 columns")
	require.NoError(t, rejects.Commit())
	require.Empty(t, names(t, dir, "rejected"))
}

// What does not fit into rejected/ stays where it is, until somebody has made room.
func TestRejectedHasALimit(t *testing.T) {
	const limit = 10_000
	dir := t.TempDir()
	s := open(t, dir, spool.Options{RejectedLimit: limit})
	names := func() []string { return names(t, dir, "rejected") }
	entry := func(name, text string) spool.Entry {
		drop(t, dir, name, text, time.Hour)
		for _, e := range list(t, s) {
			if e.Name == name {
				return e
			}
		}
		require.Fail(t, name)
		return spool.Entry{}
	}
	why := errors.New("no row")
	require.NoError(t, s.Quarantine(entry("a.csv", strings.Repeat("a", 9000)), why))
	require.ErrorIs(t, s.Quarantine(entry("b.csv", strings.Repeat("b", 2000)), why), spool.ErrRejectedFull)
	rejects := s.Rejects(entry("c.csv", "c\n"))
	require.NoError(t, rejects.Add(&reportfile.BadLine{Number: 1, Text: strings.Repeat("c", 2000), Reason: why}))
	err := rejects.Commit()
	require.ErrorIs(t, err, spool.ErrRejectedFull)
	require.ErrorContains(t, err, "bytes are in "+filepath.Join(dir, "rejected")+", which takes 10000: mend what is there and move it back to new/, or delete it")
	require.Equal(t, []string{"a.csv", "a.csv.why"}, names())
	require.Len(t, list(t, s), 2, "what does not fit stays")

	require.NoError(t, os.Remove(filepath.Join(dir, "rejected", "a.csv")))
	require.NoError(t, s.Quarantine(entry("b.csv", strings.Repeat("b", 2000)), why))
	require.Equal(t, []string{"a.csv.why", "b.csv", "b.csv.why"}, names())
	require.EqualValues(t, sizeOf(t, dir, "rejected"), s.Stats().Rejected.Bytes)
}

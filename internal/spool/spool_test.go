package spool_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
)

func open(t *testing.T, dir string, options spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(dir, options)
	require.NoError(t, err)
	return s
}

// drop puts a file into new/ as another program would, some time ago.
func drop(t *testing.T, dir, name, text string, ago time.Duration) string {
	t.Helper()
	path := filepath.Join(dir, "new", name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	at := time.Now().Add(-ago)
	require.NoError(t, os.Chtimes(path, at, at))
	return path
}

func names(t *testing.T, dir, folder string) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, folder))
	require.NoError(t, err)
	var all []string
	for _, file := range files {
		all = append(all, file.Name())
	}
	return all
}

func list(t *testing.T, s *spool.Spool) []spool.Entry {
	t.Helper()
	entries, err := s.List()
	require.NoError(t, err)
	return entries
}

func TestReportsComeInOrderOfArrival(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	for _, host := range []string{"zulu", "", "alpha"} {
		require.NoError(t, s.Put(host, []byte(host+"\n")))
	}
	drop(t, dir, "old-tool.csv", "x\n", time.Hour)
	var hosts, files []string
	for _, entry := range list(t, s) {
		hosts, files = append(hosts, entry.Host), append(files, entry.Name)
	}
	require.Equal(t, []string{"", "zulu", "", "alpha"}, hosts)
	require.Equal(t, "old-tool.csv", files[0])
	require.EqualValues(t, len("x\nzulu\n\nalpha\n"), s.Waiting())

	again := open(t, dir, spool.Options{})
	require.Len(t, list(t, again), 4, "what waited before the start is there after it")
}

func TestUnfinishedFilesArePassedOver(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "new", "folder"), 0o700))
	drop(t, dir, "being-written.csv", "x", 0)
	drop(t, dir, ".1700000000000000000-1-000001_.csv.tmp", "recent", time.Minute)
	drop(t, dir, ".1600000000000000000-1-000001_.csv.tmp", "abandoned", time.Hour)
	require.Empty(t, list(t, s))

	require.Empty(t, list(t, open(t, dir, spool.Options{})))
	require.NotContains(t, names(t, dir, "new"), ".1600000000000000000-1-000001_.csv.tmp")
	require.Contains(t, names(t, dir, "new"), ".1700000000000000000-1-000001_.csv.tmp")
}

func TestAFullSpoolRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{Limit: 7})
	require.NoError(t, s.Room())
	require.NoError(t, s.Put("gw", []byte("123456\n")))
	err := s.Room()
	require.ErrorIs(t, err, spool.ErrFull)
	require.ErrorContains(t, err, "7 bytes wait in "+filepath.Join(dir, "new")+" and spool_limit is 7")
	require.ErrorIs(t, open(t, dir, spool.Options{Limit: 7}).Room(), spool.ErrFull)

	require.NoError(t, s.Put("gw", make([]byte, 15<<20)), "what is on its way is still stored")
	require.ErrorIs(t, s.Put("gw", make([]byte, 2<<20)), spool.ErrFull, "but not without end")
	require.Len(t, names(t, dir, "new"), 2)
	for _, entry := range list(t, s) {
		require.NoError(t, s.Done(entry))
	}
	require.NoError(t, s.Room())
}

func TestDone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	require.NoError(t, s.Put("gw", []byte("1\n")))
	require.NoError(t, s.Done(list(t, s)[0]))
	require.Empty(t, names(t, dir, "new"))
	require.Empty(t, names(t, dir, "processed"))
	require.Zero(t, s.Waiting())

	s = open(t, dir, spool.Options{Archive: true})
	for range 2 {
		drop(t, dir, "a.csv", "1\n", time.Hour)
		require.NoError(t, s.Done(list(t, s)[0]))
	}
	require.Equal(t, []string{"a.csv", "a.csv.1"}, names(t, dir, "processed"))
}

func TestAFileThatGrewIsKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	drop(t, dir, "a.csv", "1\n", time.Hour)
	entry := list(t, s)[0]
	drop(t, dir, "a.csv", "1\n2\n", time.Minute)
	require.NoError(t, s.Done(entry))
	require.Len(t, list(t, s), 1)
}

func TestRejects(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	drop(t, dir, "a.csv", "bad\n", time.Hour)
	entry := list(t, s)[0]

	none := s.Rejects(entry)
	require.NoError(t, none.Commit())
	require.Empty(t, names(t, dir, "rejected"))

	aborted := s.Rejects(entry)
	require.NoError(t, aborted.Add(&reportfile.BadLine{Number: 1, Text: "gone", Reason: errors.New("x")}))
	aborted.Abort()
	require.Empty(t, names(t, dir, "rejected"))

	rejects := s.Rejects(entry)
	require.NoError(t, rejects.Add(&reportfile.BadLine{Number: 3, Text: "bad", Reason: errors.New("is bad")}))
	require.NoError(t, rejects.Add(&reportfile.BadLine{Number: 5, Text: "worse", Reason: errors.New("is\nworse")}))
	require.NoError(t, rejects.Commit())
	rejects.Abort()
	text, err := os.ReadFile(filepath.Join(dir, "rejected", "a.csv"))
	require.NoError(t, err)
	require.Equal(t, "# line 3: is bad\nbad\n# line 5: is worse\nworse\n", string(text))

	require.NoError(t, s.Quarantine(entry, errors.New("nobody knows")))
	require.Empty(t, names(t, dir, "new"))
	require.Equal(t, []string{"a.csv", "a.csv.1", "a.csv.1.why"}, names(t, dir, "rejected"))
}

func TestOneImporterAtATime(t *testing.T) {
	dir := t.TempDir()
	first, second := open(t, dir, spool.Options{}), open(t, dir, spool.Options{})
	require.NoError(t, first.Lock(t.Context()))
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := second.Lock(short)
	require.ErrorIs(t, err, spool.ErrInUse)
	require.ErrorContains(t, err, dir)

	locked := make(chan error, 1)
	go func() { locked <- second.Lock(t.Context()) }()
	require.NoError(t, first.Unlock())
	require.NoError(t, <-locked)
	require.NoError(t, second.Unlock())
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := spool.Open(file, spool.Options{})
	require.ErrorContains(t, err, "making the spool (create "+file+" and let this user write to it)")
}

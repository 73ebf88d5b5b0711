package spool_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/testkit"
)

// fill leaves no more than left bytes of a disk, and returns what makes room
// again.
func fill(t *testing.T, disk *testkit.Disk, left int64) (free func()) {
	t.Helper()
	filler := disk.Fill(left)
	return func() { require.NoError(t, os.Remove(filler)) }
}

func tooLarge(left int64) []byte { return make([]byte, 2*left) }

func TestAFullDiskLeavesNothingHalfWritten(t *testing.T) {
	const left = 64 << 10
	disk := testkit.NewDisk(t, 4<<20)
	dir := disk.Path()
	s := open(t, dir, spool.Options{})
	require.NoError(t, s.Put("gw", []byte("1\n")))
	free := fill(t, disk, left)
	before := names(t, dir, "new")

	err := s.Put("gw", tooLarge(left))
	require.ErrorContains(t, err, "writing a report: free some space on the disk of "+filepath.Join(dir, "new"))
	require.ErrorContains(t, err, "no space left on device")
	require.Equal(t, before, names(t, dir, "new"))
	require.Equal(t, spool.Count{Files: 1, Bytes: 2}, s.Stats().Waiting)

	free()
	require.NoError(t, s.Put("gw", tooLarge(left)))
	require.Len(t, list(t, s), 2)
}

// Nor does what is rejected, then.
func TestAFullDiskAndRejects(t *testing.T) {
	disk := testkit.NewDisk(t, 4<<20)
	dir := disk.Path()
	s := open(t, dir, spool.Options{})
	require.NoError(t, s.Put("gw", []byte("bad\n")))
	entry := list(t, s)[0]
	rejects := s.Rejects(entry)
	require.NoError(t, rejects.Add(&reportfile.BadLine{Number: 1, Text: "bad", Reason: os.ErrInvalid}))
	name, _, err := s.Reject(time.Now(), []byte("kept\n"))
	require.NoError(t, err)

	free := fill(t, disk, 0)
	require.ErrorContains(t, rejects.Commit(), "no space left on device")
	_, kept, err := s.Reject(time.Now(), tooLarge(4096))
	require.ErrorContains(t, err, "no space left on device")
	require.False(t, kept)
	require.ErrorContains(t, s.Quarantine(entry, os.ErrInvalid), "no space left on device")
	require.Equal(t, []string{filepath.Base(name)}, names(t, dir, "rejected"))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "kept\n", string(text), "and nothing of what failed")

	free()
	require.Len(t, list(t, s), 1)
	require.NoError(t, s.Quarantine(entry, os.ErrInvalid))
}

// A full disk is told before anything is refused: what the sender has handed
// over by then fits into the reserve.
func TestTheReserveTakesTheLastWords(t *testing.T) {
	const reserve, left = 1 << 20, 64 << 10
	disk := testkit.NewDisk(t, 8<<20)
	dir := disk.Path()
	options := spool.Options{Reserve: reserve}
	s := open(t, dir, options)
	require.NoError(t, s.Room())
	free := fill(t, disk, left)
	require.NoError(t, s.Room(), "nothing is short yet")

	last := bytes.Repeat([]byte("x"), reserve/2)
	require.NoError(t, s.Put("gw", last))
	err := s.Room()
	require.ErrorIs(t, err, spool.ErrFull)
	require.ErrorContains(t, err, "the disk of "+dir+" has less than 1048576 bytes left; free some space on it, or move the spool to another")
	require.NoError(t, s.Put("gw", []byte("the very last\n")))
	require.ErrorIs(t, open(t, dir, options).Room(), spool.ErrFull, "also after a start")

	require.Len(t, list(t, s), 2)
	text, err := os.ReadFile(filepath.Join(dir, "new", list(t, s)[0].Name))
	require.NoError(t, err)
	require.Equal(t, last, text)
	free()
	require.NoError(t, s.Room())
	require.NoError(t, open(t, dir, options).Room(), "the reserve that is there serves again")
}

func TestRejectedMetricsUseTheReserveToo(t *testing.T) {
	const reserve, left = 1 << 20, 64 << 10
	disk := testkit.NewDisk(t, 8<<20)
	dir := disk.Path()
	s := open(t, dir, spool.Options{Reserve: reserve})
	require.NoError(t, s.Room())
	fill(t, disk, left)
	_, kept, err := s.Reject(time.Now(), tooLarge(left))
	require.NoError(t, err)
	require.True(t, kept)
	require.ErrorIs(t, s.Room(), spool.ErrFull)
}

func TestAnArchiveThatCannotBeTrimmed(t *testing.T) {
	dir, disk := t.TempDir(), testkit.NewDisk(t, 1<<20).Path()
	require.NoError(t, os.Symlink(disk, filepath.Join(dir, "processed")))
	for _, name := range []string{"a.csv", "b.csv"} {
		require.NoError(t, os.WriteFile(filepath.Join(disk, name), []byte("1\n"), 0o600))
	}
	s := open(t, dir, spool.Options{ArchiveMaxSize: 3})
	require.NoError(t, unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	now := time.Now()
	for range 2 {
		require.ErrorContains(t, s.Tidy(now), "trimming the archive: remove "+filepath.Join(dir, "processed", "a.csv"))
	}
	require.Equal(t, spool.Stats{Archived: spool.Count{Files: 2, Bytes: 4}}, s.Stats())
	require.NoError(t, unix.Mount("", disk, "", unix.MS_REMOUNT, ""))
	require.NoError(t, s.Tidy(now.Add(time.Hour)))
	require.Equal(t, []string{"b.csv"}, names(t, dir, "processed"))
}

func TestAFolderMustBeWritable(t *testing.T) {
	small := testkit.NewDisk(t, 1<<20)
	disk := small.Path()
	_, err := spool.NewWriter(disk)
	require.NoError(t, err)
	left, err := os.ReadDir(disk)
	require.NoError(t, err)
	require.Empty(t, left)
	small.Fill(0)
	_, err = spool.NewWriter(disk)
	require.NoError(t, err, "that passes")

	require.NoError(t, unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	for _, err := range []error{
		func() error { _, err := spool.NewWriter(disk); return err }(),
		func() error { _, err := spool.Open(disk, spool.Options{}); return err }(),
	} {
		require.ErrorContains(t, err, "read-only file system")
		require.ErrorContains(t, err, disk)
	}
}

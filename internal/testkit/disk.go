package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// SmallDisk mounts a file system of so many bytes (in memory) on a folder of
// the test's own, and removes it when the test ends.
func SmallDisk(t testing.TB, size int) (dir string) {
	t.Helper()
	Need(t)
	dir = t.TempDir()
	require.NoError(t, unix.Mount("none", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, fmt.Sprintf("mode=0755,size=%d", size)))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// FillDisk fills the disk of dir with a file until no more than left bytes are
// free. It returns the file's path: without the file there is room again.
func FillDisk(t testing.TB, dir string, left int64) (path string) {
	t.Helper()
	path = filepath.Join(dir, "filler")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	free := func() int64 {
		var stat unix.Statfs_t
		require.NoError(t, unix.Fstatfs(int(file.Fd()), &stat))
		return int64(stat.Bavail) * stat.Bsize
	}
	for size := free() - left; free() > left; size += 4096 {
		if err := unix.Fallocate(int(file.Fd()), 0, 0, size); !errors.Is(err, unix.ENOSPC) {
			require.NoError(t, err)
		}
	}
	return path
}

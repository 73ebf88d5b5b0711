package testkit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Disk is a small file system of one test's own.
type Disk struct {
	t    testing.TB
	path string
}

// NewDisk mounts a file system of a size in bytes.
func NewDisk(t testing.TB, size int64) *Disk {
	t.Helper()
	Need(t)
	path, err := os.MkdirTemp("", "disk")
	require.NoError(t, err)
	d := &Disk{t: t, path: path}
	require.NoError(t, unix.Mount("tmpfs", path, "tmpfs", 0, options(size)))
	t.Cleanup(func() {
		_ = unix.Unmount(path, unix.MNT_DETACH)
		_ = os.Remove(path)
	})
	return d
}

// Path returns the folder that the file system is mounted on.
func (d *Disk) Path() string { return d.path }

// Fill fills the file system with a file until no more than left bytes are
// free; again, also what has become free since. It returns the file's path: without
// the file there is room again.
func (d *Disk) Fill(left int64) (path string) {
	d.t.Helper()
	path = filepath.Join(d.path, "filler")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(d.t, err)
	defer func() { _ = file.Close() }()
	size, err := file.Seek(0, io.SeekEnd)
	require.NoError(d.t, err)
	free := func() int64 {
		var stat unix.Statfs_t
		require.NoError(d.t, unix.Fstatfs(int(file.Fd()), &stat))
		return int64(stat.Bavail) * int64(stat.Bsize) // of another size on s390x
	}
	for more := free() - left; more > 0; more = free() - left {
		err := unix.Fallocate(int(file.Fd()), 0, 0, size+more)
		if errors.Is(err, unix.ENOSPC) {
			continue // somebody else has written meanwhile
		}
		require.NoError(d.t, err)
		size += more
	}
	return path
}

// Own gives the file system's root to the user that servers run as.
func (d *Disk) Own() {
	d.t.Helper()
	user := postgresUser(d.t)
	require.NoError(d.t, os.Chown(d.path, int(user.Uid), int(user.Gid)))
}

func options(size int64) string { return fmt.Sprintf("size=%d,mode=0755", size) }

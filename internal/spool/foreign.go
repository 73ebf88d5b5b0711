package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// settle is how long a file of a foreign name must not have changed before it
// is taken for complete. Reports of our own appear complete.
const settle = 2 * time.Second

// settlesIn returns for how long a file of a foreign name has yet to be left
// alone, 0 for no longer: until it has not changed for a while, and nobody has
// it open for writing.
func settlesIn(folder string, info fs.FileInfo) time.Duration {
	age := time.Since(info.ModTime())
	if age < 0 { // a copy that kept the time of a clock ahead of ours
		age = time.Since(changeTime(info))
	}
	if age < settle {
		return settle - max(age, 0)
	}
	if isBeingWritten(filepath.Join(folder, info.Name())) {
		return settle
	}
	return 0
}

// isBeingWritten reports whether a process has the file open for writing: the
// kernel then refuses a read lease on it. Where there are no leases, as on
// network file systems and on files of another user, it reports false.
func isBeingWritten(path string) bool {
	// O_NONBLOCK: so as not to wait for another holder of a lease.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return errors.Is(err, unix.EAGAIN)
	}
	defer func() { _ = f.Close() }() // and with it goes the lease
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	return errors.Is(err, unix.EAGAIN)
}

// changeTime is when a file was last written, renamed or changed in its
// attributes. Unlike the time of modification nobody can set it.
func changeTime(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}

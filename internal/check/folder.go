package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Folder finds out whether a folder is there, and whether the user may make files in
// it.
func (u User) Folder(name, path string) Finding {
	info, err := os.Stat(path)
	quoted := Quote(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Failf(name, "the folder %s is missing", path).Do("create it").Run("install -d -o %s -m 0750 %s", Quote(u.Name), quoted)
	case err != nil:
		return Failf(name, "the folder cannot be examined: %v", err)
	case !info.IsDir():
		return Failf(name, "%s is not a folder", path).Do("remove it, or name another")
	}
	err = u.may(path, unix.R_OK|unix.W_OK|unix.X_OK)
	switch {
	case errors.Is(err, unix.EROFS):
		return Failf(name, "the folder %s is on a file system that is read-only", path).Do("mount it read-write, or name another")
	case err != nil:
		return Failf(name, "%s may not write to the folder %s, of %s (mode %04o)", u.Name, path, ownerName(info), info.Mode().Perm()).
			Do("give it to that user").Run("chown -R %s %s && chmod u+rwx %s", Quote(u.Name), quoted, quoted)
	}
	return Okf(name, "%s may write to the folder %s, which has %s free", u.Name, path, Size(Free(path)))
}

// File finds out whether a file is there and the user may read it.
func (u User) File(name, path string) Finding {
	if _, err := os.Stat(path); err != nil {
		return Failf(name, "%v", err).Do("write it, or name another")
	}
	if err := u.may(path, unix.R_OK); err != nil {
		return Failf(name, "%s may not read %s: %v", u.Name, path, err).Do("let the user read it").Run("chgrp $(id -g %s) %s && chmod g+r %[2]s", Quote(u.Name), Quote(path))
	}
	return Okf(name, "%s may read %s", u.Name, path)
}

// OwnFile finds out whether the user may write to a file that is there.
func (u User) OwnFile(name, path string) Finding {
	if err := u.may(path, unix.R_OK|unix.W_OK); err != nil {
		return Failf(name, "%s may not write to %s: %v", u.Name, path, err).Do("give it to that user").Run("chown %s %s", Quote(u.Name), Quote(path))
	}
	return Okf(name, "%s may write to %s", u.Name, path)
}

// Free returns the free space of a file system for unprivileged users, in bytes, or 0
// if it is unknown.
func Free(path string) int64 {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil {
		return 0
	}
	return int64(fs.Bavail) * int64(fs.Bsize) //nolint:unconvert // their types differ between architectures
}

func ownerName(info os.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "an unknown user"
	}
	id := strconv.Itoa(int(stat.Uid))
	if known, err := user.LookupId(id); err == nil {
		return known.Username
	}
	return id
}

// Size formats a number of bytes with a binary unit.
func Size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, prefix := float64(bytes)/unit, 0
	for value >= unit {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}

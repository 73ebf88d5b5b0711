// Package filelock lets one process at a time use something on disk.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld means that another process holds the lock.
var ErrHeld = errors.New("another process holds the lock")

// poll is how often a lock that is held is tried again.
const poll = 50 * time.Millisecond

// A Lock is held until Unlock, or the end of the process, whatever ends it.
type Lock struct{ file *os.File }

// Take takes the lock that the file at the path stands for, making it if need be
// with the permissions. If another process holds the lock, Take waits for it until
// ctx is done: a killed process releases its lock, but not at once. The file is never
// removed: otherwise, a process that waits for the removed file and one that makes a new
// file would both get the lock.
func Take(ctx context.Context, path string, permissions os.FileMode) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, permissions)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return &Lock{file}, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, ErrHeld
		case <-time.After(poll):
		}
	}
}

// Unlock lets another process in; no lock has nothing to do.
func (l *Lock) Unlock() error {
	if l == nil {
		return nil
	}
	return l.file.Close() // and with the file goes the lock
}

package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another process imports from the spool.
var ErrInUse = errors.New("another process imports from this spool")

// Lock makes this process the one importer of the spool, until Unlock or its
// end. It waits for another one's end for as long as ctx lives: a process that
// was killed takes its lock with it, but not at once.
func (s *Spool) Lock(ctx context.Context) error {
	path := filepath.Join(s.dir, ".lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("locking the spool: %w", err)
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			s.locked = file
			// None but the importer writes there, so nobody does now.
			return removeTemporary(filepath.Join(s.dir, rejectedDir), time.Now())
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = file.Close()
			return fmt.Errorf("locking %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return fmt.Errorf("%w: end it, or give this one another spool than %s", ErrInUse, s.dir)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Unlock lets another process import.
func (s *Spool) Unlock() error {
	if s.locked == nil {
		return nil
	}
	err := s.locked.Close() // and with the file goes the lock
	s.locked = nil
	return err
}

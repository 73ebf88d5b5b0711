package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The reserve is room on the disk that a file of nothing keeps. When the disk
// gets full, it makes way for what a sender has handed over already: a sender
// that hears of the full disk in time keeps the rest.
const reserveFile = ".reserve"

// takeReserve takes the reserve, unless that is done. It needs s.mu.
func (s *Spool) takeReserve() error {
	if s.reserved || s.options.Reserve == 0 {
		return nil
	}
	path := filepath.Join(s.dir, reserveFile)
	err := allocate(path, s.options.Reserve)
	switch {
	case err == nil, errors.Is(err, unix.EOPNOTSUPP):
		s.reserved = true // on a file system that cannot, it goes without
		return nil
	case isNoRoom(err):
		return fmt.Errorf("%w: the disk of %s has less than %d bytes left; free some space on it, or move the spool to another: %w",
			ErrFull, s.dir, s.options.Reserve, err)
	}
	return fmt.Errorf("keeping room on the disk of the spool: %w", err)
}

// giveReserve makes the reserve's room free. It returns false when there is
// none to give.
func (s *Spool) giveReserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved = false
	return os.Remove(filepath.Join(s.dir, reserveFile)) == nil
}

// allocate makes a file that has size bytes of the disk to itself.
func allocate(path string, size int64) error {
	if info, err := os.Lstat(path); err == nil && !isOwn(info) {
		_ = os.Remove(path) // a link would have the room taken elsewhere
	}
	f, _, err := openOwn(path, 0)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

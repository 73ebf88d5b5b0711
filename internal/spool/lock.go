package spool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"telegraf-conntrack-accounting/internal/filelock"
)

// ErrInUse says that another process imports from the spool.
var ErrInUse = errors.New("another process imports from this spool")

// Lock makes this process the one importer of the spool, until Unlock or its
// end. It waits for another one's end for as long as ctx lives.
func (s *Spool) Lock(ctx context.Context) error {
	lock, err := filelock.Take(ctx, filepath.Join(s.dir, ".lock"), 0o640)
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%w: end it, or give this one another spool than %s", ErrInUse, s.dir)
	}
	if err != nil {
		return fmt.Errorf("locking the spool: %w", err)
	}
	s.locked = lock
	// None but the importer writes there, so nobody does now. What stays is in nobody's way.
	_ = removeTemporary(filepath.Join(s.dir, rejectedDir), time.Now())
	return nil
}

// Unlock lets another process import.
func (s *Spool) Unlock() error {
	lock := s.locked
	s.locked = nil
	return lock.Unlock()
}

// Package spool keeps reports on disk until they are in the database. A spool
// is a folder of three:
//
//	new/        reports that wait, each a file that is complete and fsynced
//	processed/  reports that were imported, when they are kept
//	rejected/   lines that are no rows, each under a comment that says why
//
// What Put has returned nil for survives a crash of the process and of the
// machine. The package never drops a report: when there is no room left it
// refuses the next one.
package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrFull says that the spool has reached its limit.
var ErrFull = errors.New("the spool is full")

// Options say how a spool behaves. Its zero value deletes imported reports and
// sets no limit.
type Options struct {
	Limit   int64 // bytes that may wait in new/ before Room refuses; 0 for no limit
	Archive bool  // move imported reports to processed/ instead of deleting them
}

// Spool is a spool folder. Put may be called while another goroutine lists and
// finishes reports; several processes may Put into one folder.
type Spool struct {
	dir     string
	options Options
	locked  *os.File

	mu      sync.Mutex
	waiting int64 // bytes in new/ at the last List, and what was put since
	seq     int   // tells apart the reports of one moment
}

const (
	newDir       = "new"
	processedDir = "processed"
	rejectedDir  = "rejected"
	tempPrefix   = "."
	tempSuffix   = ".tmp"
)

// Open makes the folders that are missing, checks that they can be written,
// removes what a crash left half-written and counts what waits.
func Open(dir string, options Options) (*Spool, error) {
	s := &Spool{dir: dir, options: options}
	for _, name := range [...]string{newDir, processedDir, rejectedDir} {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return nil, fmt.Errorf("making the spool (create %s and let this user write to it): %w", dir, err)
		}
		if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
			return nil, fmt.Errorf("the spool's folder %s must be writable by this user: %w", folder, err)
		}
		if err := removeTemporary(folder); err != nil {
			return nil, fmt.Errorf("cleaning the spool: %w", err)
		}
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	if _, err := s.List(); err != nil {
		return nil, err
	}
	return s, nil
}

// Dir returns the spool's folder.
func (s *Spool) Dir() string { return s.dir }

// Waiting returns how many bytes wait in new/.
func (s *Spool) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// removeTemporary removes temporary files that nobody is still writing: no
// report takes minutes to write, and another process may be writing one now.
func removeTemporary(folder string) error {
	const abandoned = 10 * time.Minute
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), tempPrefix) || !strings.HasSuffix(entry.Name(), tempSuffix) {
			continue
		}
		info, err := entry.Info()
		if err != nil || time.Since(info.ModTime()) < abandoned {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a folder durable: fsync of a file alone does not.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening a folder to sync it: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing folder %s: %w", dir, err)
	}
	return nil
}

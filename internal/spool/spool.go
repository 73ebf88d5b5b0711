// Package spool keeps reports on disk until they are in the database. A spool
// is a folder of four:
//
//	new/        reports that wait, each a file that is complete and fsynced
//	processed/  reports that were imported, when they are kept
//	rejected/   lines that are not rows, each under a comment that says why
//	later/      rows that the database does not take for now
//
// What Put has returned nil for survives a crash of the process and of the
// machine. The package never drops a report that was not imported: when there
// is no room left it refuses the next one.
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"telegraf-conntrack-accounting/internal/filelock"
)

// ErrFull says that the spool has reached its limit.
var ErrFull = errors.New("the spool is full")

// Options say how a spool behaves. Its zero value deletes imported reports and
// sets no limit.
type Options struct {
	Limit   int64 // bytes that may wait in new/ before Room refuses; 0 for no limit
	Reserve int64 // bytes of the disk that Room keeps free for a sender's last words
	Archive bool  // move imported reports to processed/ instead of deleting them

	RejectedLimit int64 // bytes that may be in rejected/ before no more is put there; 0 for no limit

	ArchiveMaxAge  time.Duration // since a report came into processed/; 0 for no limit
	ArchiveMaxSize int64         // bytes in processed/; 0 for no limit
}

// Spool is a spool folder. Put and Reject may be called by several goroutines while
// another one lists and finishes reports; several processes may Put into one folder.
type Spool struct {
	dir     string
	options Options
	writer  *Writer
	locked  *filelock.Lock

	mu      sync.Mutex
	writing Count               // what Put is about to store
	waiting Count               // in new/ at the last List, and what was put since
	later   Count               // in later/, at the last List: they wait, too
	listed  []Entry             // by the last List; those before next are done
	next    int                 // index into listed
	ahead   map[string]struct{} // names of those that are done after next
	put     time.Time           // of the first Put since the last List
	settles time.Time           // when a file that List passed over may be complete
	strange []string            // what is not a regular file

	rejecting sync.Mutex // serializes Reject

	reserved bool // nothing is left to do about the reserve

	archived, rejected Count // as of the last Tidy, and what came since
	deleted            Count // from processed/, since Open
	tidied             time.Time
	untidy             error // what that Tidy returned
}

const (
	newDir       = "new"
	processedDir = "processed"
	rejectedDir  = "rejected"
	laterDir     = "later"
)

// Folders returns the folder of a spool, and those in it.
func Folders(dir string) []string {
	folders := []string{dir}
	for _, name := range [...]string{newDir, processedDir, rejectedDir, laterDir} {
		folders = append(folders, filepath.Join(dir, name))
	}
	return folders
}

// Open makes the folders that are missing, checks that files can be moved between them,
// removes what a crash left half-written and counts what waits.
func Open(dir string, options Options) (*Spool, error) {
	s := &Spool{dir: dir, options: options}
	for _, folder := range Folders(dir)[1:] {
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return nil, fmt.Errorf("making the spool (create %s and let this user write to it): %w", dir, err)
		}
	}
	if err := s.tryFolders(); err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	_ = removeTemporary(filepath.Join(dir, newDir), time.Now().Add(-abandoned)) // Tidy tells what stays
	writer, err := NewWriter(filepath.Join(dir, newDir))
	if err != nil {
		return nil, err
	}
	s.writer = writer
	if _, err := s.List(); err != nil {
		return nil, err
	}
	return s, nil
}

// Dir returns the spool's folder.
func (s *Spool) Dir() string { return s.dir }

// Waiting returns how many bytes wait in new/.
func (s *Spool) Waiting() int64 { return s.Stats().Waiting.Bytes }

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

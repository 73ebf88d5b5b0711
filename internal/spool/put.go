package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/report"
)

// overdraft is what Put takes beyond the limit. A sender that stops as soon as
// Room refuses has its last words stored, too.
const overdraft = 16 << 20

// Room returns ErrFull, with what to do about it, once as much waits as the
// limit allows.
func (s *Spool) Room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.Limit; limit > 0 && s.waiting >= limit {
		return s.full()
	}
	return nil
}

func (s *Spool) full() error {
	return fmt.Errorf("%w: %d bytes wait in %s and spool_limit is %d; see why the database takes no rows, or raise spool_limit",
		ErrFull, s.waiting, filepath.Join(s.dir, newDir), s.options.Limit)
}

// Put stores the report of a host. When it returns nil the report is durable:
// the file and its name are on disk, and the importer can see it. When it
// returns an error nothing is left behind.
func (s *Spool) Put(host string, data []byte) error {
	name, err := s.reserve(host, int64(len(data)))
	if err != nil {
		return err
	}
	folder := filepath.Join(s.dir, newDir)
	err = writeDurably(folder, name, data)
	if err != nil {
		s.mu.Lock()
		s.waiting -= int64(len(data))
		s.mu.Unlock()
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("writing a report: free some space on the disk of %s, or move the spool to another: %w", s.dir, err)
	}
	if err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

// reserve counts size bytes as waiting, when there is room for them, and
// returns the name for the report.
func (s *Spool) reserve(host string, size int64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.Limit; limit > 0 && s.waiting+size > limit+overdraft {
		return "", s.full()
	}
	s.waiting += size
	s.seq++
	return report.FileName(time.Now(), os.Getpid(), s.seq, host), nil
}

// writeDurably makes a file appear in folder at once and complete.
func writeDurably(folder, name string, data []byte) error {
	temp := filepath.Join(folder, tempPrefix+name+tempSuffix)
	if err := writeSynced(temp, data); err != nil {
		_ = os.Remove(temp)
		return err
	}
	final := filepath.Join(folder, name)
	if err := os.Rename(temp, final); err != nil {
		_ = os.Remove(temp)
		return err
	}
	if err := syncDir(folder); err != nil {
		_ = os.Remove(final)
		return err
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Later begins the collection of rows of a report that cannot be stored for now.
// They end up in later/ under the report's own name, each below a comment that
// says why, until Again.
func (s *Spool) Later(entry Entry) *Rejects {
	return &Rejects{spool: s, folder: laterDir, name: entry.Name}
}

// Again moves what waits in later/ back to new/, to be tried again. What cannot be
// moved holds up nothing else; of that it returns the first error.
func (s *Spool) Again() (failed error) {
	var names []string
	if err := s.each(laterDir, func(info fs.FileInfo) { names = append(names, info.Name()) }); err != nil {
		return err
	}
	for _, name := range names {
		to := s.path(newDir, name)
		if _, err := os.Lstat(to); err == nil {
			continue // another file of a foreign name
		}
		if err := os.Rename(s.path(laterDir, name), to); err != nil && !errors.Is(err, fs.ErrNotExist) && failed == nil {
			failed = fmt.Errorf("trying again what was set aside: %w", err)
		}
	}
	return failed
}

// countLater counts what waits in later/. It needs s.mu.
func (s *Spool) countLater() error {
	var err error
	s.later, err = s.count(laterDir)
	s.waiting.plus(s.later)
	return err
}

// isArchived reports whether a report of our own is in processed/ already, with
// all the rows that it had when it came: what is done now was set aside of it.
func (s *Spool) isArchived(entry Entry) bool {
	if entry.since != entry.arrived { // a foreign name, which can come again
		return false
	}
	_, err := os.Lstat(s.path(processedDir, entry.Name))
	return err == nil
}

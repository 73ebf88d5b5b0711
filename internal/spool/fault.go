package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Fault returns what is wrong with the spool as a whole when that explains an error
// that struck one report, and nil when it is the report's own: a file that cannot
// be read or moved while others can.
func (s *Spool) Fault(err error) error {
	for _, of := range [...]error{unix.EROFS, unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		if errors.Is(err, of) {
			return err
		}
	}
	if isNoRoom(err) {
		return err
	}
	return s.tryFolders()
}

// tryFolders finds out by trying whether files can be made and moved from new/ to
// where they may have to go: permissions do not tell root the truth. A disk that is
// just full is not an error of the folders.
func (s *Spool) tryFolders() error {
	from := filepath.Join(s.dir, newDir)
	path, err := tryFile(from)
	if err != nil || path == "" {
		return err
	}
	defer func() { _ = os.Remove(path) }()
	for _, name := range s.destinations() {
		folder := filepath.Join(s.dir, name)
		to := filepath.Join(folder, filepath.Base(path))
		err := os.Rename(path, to)
		if _, gone := os.Lstat(path); err != nil && gone != nil {
			return nil // another process has tidied it away
		}
		switch {
		case errors.Is(err, unix.EXDEV):
			return fmt.Errorf("the folder %s must be on the file system of %s: %w", folder, from, err)
		case err != nil && !isNoRoom(err):
			return fmt.Errorf("the folder %s must be writable by this user: %w", folder, err)
		case err == nil:
			path = to
		}
	}
	return nil
}

// destinations returns the folders that reports move to.
func (s *Spool) destinations() []string {
	folders := []string{rejectedDir, laterDir}
	if s.options.Archive {
		folders = append(folders, processedDir)
	}
	return folders
}

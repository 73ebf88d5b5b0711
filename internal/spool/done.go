package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Done takes an imported report out of new/. A file that has changed since it
// was listed stays, to be imported again: rows that are there already do no
// harm. A crash before the folder is on disk does as little, so nothing is
// synced here.
func (s *Spool) Done(entry Entry) error {
	from := s.path(newDir, entry.Name)
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finishing a report: %w", err)
	}
	if info.Size() != entry.Size || !info.ModTime().Equal(entry.changed) {
		return nil
	}
	archive := s.options.Archive && !s.isArchived(entry)
	if archive {
		err = os.Rename(from, s.free(processedDir, entry.Name))
	} else {
		err = os.Remove(from)
	}
	if err != nil {
		return fmt.Errorf("finishing a report: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone(entry)
	if archive {
		s.archived.add(entry.Size)
	}
	return nil
}

// Quarantine moves a whole report that cannot be imported to rejected/, and
// writes why beside it.
func (s *Spool) Quarantine(entry Entry, reason error) error {
	why := fmt.Sprintf("%s\n%v\n", entry.Name, reason)
	size := Count{2, entry.Size + int64(len(why))}
	if err := s.takeRejected(size); err != nil {
		return fmt.Errorf("rejecting a report: %w", err)
	}
	to := s.free(rejectedDir, entry.Name)
	err := writeSynced(to+whySuffix, []byte(why))
	if err == nil {
		err = os.Rename(s.path(newDir, entry.Name), to)
	}
	if err != nil {
		_ = os.Remove(to + whySuffix) // it may be there, by half or as a whole
		err = fmt.Errorf("rejecting a report: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.rejected.plus(Count{-size.Files, -size.Bytes})
		return err
	}
	s.gone(entry)
	return nil
}

// whySuffix is what the name of the file has that says why a report was rejected.
const whySuffix = ".why"

func (s *Spool) path(folder, name string) string { return filepath.Join(s.dir, folder, name) }

// maxName leaves room for what is put behind a name; file systems allow 255 bytes,
// and names of our own have 240 at most.
const maxName = 245

// free returns a path for name in folder that no file has yet, nor one that says
// why: foreign names can come again. One that is too long for what is put behind it is cut.
func (s *Spool) free(folder, name string) string {
	if len(name) > maxName {
		const digits = 16
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
		name = name[:maxName-1-digits] + "-" + sum[:digits]
	}
	path := s.path(folder, name)
	for i := 1; ; i++ {
		_, taken := os.Lstat(path)
		_, said := os.Lstat(path + whySuffix)
		if taken != nil && said != nil {
			return path
		}
		path = s.path(folder, name) + "." + strconv.Itoa(i)
	}
}

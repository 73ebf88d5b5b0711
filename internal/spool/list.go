package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/report"
)

// Entry is a report that waits in new/.
type Entry struct {
	Name string // of the file, without its folder
	Host string // empty when the name does not tell
	Size int64

	arrived time.Time
	changed time.Time
}

// settle is how long a file of a foreign name must not have changed before it
// is taken for complete. Reports of our own appear complete.
const settle = 2 * time.Second

// List returns the reports that wait, in the order of their arrival. Hidden
// and temporary files are passed over, and so are foreign files that are still
// being written.
func (s *Spool) List() ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // so that no Put is counted twice
	files, err := os.ReadDir(filepath.Join(s.dir, newDir))
	if err != nil {
		return nil, fmt.Errorf("listing the spool: %w", err)
	}
	var entries []Entry
	s.waiting = 0
	for _, file := range files {
		info, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing the spool: %w", err)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		s.waiting += info.Size()
		if entry, ready := newEntry(info); ready {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.arrived.Compare(b.arrived), strings.Compare(a.Name, b.Name))
	})
	return entries, nil
}

func newEntry(info fs.FileInfo) (Entry, bool) {
	entry := Entry{Name: info.Name(), Size: info.Size(), arrived: info.ModTime(), changed: info.ModTime()}
	if strings.HasPrefix(entry.Name, tempPrefix) || strings.HasSuffix(entry.Name, tempSuffix) {
		return Entry{}, false
	}
	name := report.ParseName(entry.Name)
	if name.Arrived.IsZero() {
		return entry, time.Since(entry.changed) >= settle
	}
	entry.arrived, entry.Host = name.Arrived, name.Host
	return entry, true
}

// OpenEntry opens a report for reading.
func (s *Spool) OpenEntry(entry Entry) (*os.File, error) {
	return os.Open(s.path(newDir, entry.Name))
}

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
	if s.options.Archive {
		err = os.Rename(from, s.free(processedDir, entry.Name))
	} else {
		err = os.Remove(from)
	}
	if err != nil {
		return fmt.Errorf("finishing a report: %w", err)
	}
	s.mu.Lock()
	s.waiting -= entry.Size
	s.mu.Unlock()
	return nil
}

// Quarantine moves a whole report that cannot be imported to rejected/, and
// writes why beside it.
func (s *Spool) Quarantine(entry Entry, reason error) error {
	to := s.free(rejectedDir, entry.Name)
	why := fmt.Sprintf("%s\n%v\n", entry.Name, reason)
	if err := os.WriteFile(to+".why", []byte(why), 0o640); err != nil {
		return fmt.Errorf("rejecting a report: %w", err)
	}
	if err := os.Rename(s.path(newDir, entry.Name), to); err != nil {
		return fmt.Errorf("rejecting a report: %w", err)
	}
	s.mu.Lock()
	s.waiting -= entry.Size
	s.mu.Unlock()
	return nil
}

func (s *Spool) path(folder, name string) string { return filepath.Join(s.dir, folder, name) }

// free returns a path for name in folder that no file has yet: foreign names
// can come again.
func (s *Spool) free(folder, name string) string {
	path := s.path(folder, name)
	for i := 1; ; i++ {
		if _, err := os.Lstat(path); err != nil {
			return path
		}
		path = s.path(folder, name) + "." + strconv.Itoa(i)
	}
}

package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Entry is a report that waits in new/.
type Entry struct {
	Name string // of the file, without its folder
	Host string // empty when the name does not tell
	Size int64

	arrived time.Time // which decides the order
	since   time.Time // when it came into new/
	changed time.Time
	touched time.Time // when its contents, name or rights were last changed
}

// List returns the reports that wait, in the order of their arrival. Hidden
// and temporary files are passed over, and so are foreign files that are still
// being written: see Settles.
func (s *Spool) List() ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // so that no Put is counted twice
	folder := filepath.Join(s.dir, newDir)
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("listing the spool: %w", err)
	}
	var entries []Entry
	s.waiting, s.put, s.settles, s.strange = Count{}, time.Time{}, time.Time{}, nil
	if err := s.countLater(); err != nil {
		return nil, err
	}
	for _, file := range files {
		info, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) || isHidden(file.Name()) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() {
			s.strange = append(s.strange, describeStrange(file, err))
			continue
		}
		s.waiting.add(info.Size())
		entry, foreign := newEntry(info)
		if foreign {
			if wait := settlesIn(folder, info); wait > 0 {
				s.lookAgain(time.Now().Add(wait))
				continue
			}
		}
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.arrived.Compare(b.arrived), strings.Compare(a.Name, b.Name))
	})
	s.listed, s.next, s.ahead = entries, 0, make(map[string]struct{})
	return entries, nil
}

// Settles returns when a file that the last List passed over may be complete,
// the zero time when there was none.
func (s *Spool) Settles() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settles
}

// Strange names what the last List found in new/ that is not a regular file, quoted, and says
// what it is.
func (s *Spool) Strange() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strange
}

// describeStrange describes an entry of a folder that is not a regular file, or that cannot be
// looked at.
func describeStrange(file fs.DirEntry, err error) string {
	kind := "no file"
	switch file.Type() {
	case fs.ModeDir:
		kind = "folder"
	case fs.ModeSymlink:
		kind = "symbolic link"
	case fs.ModeNamedPipe:
		kind = "named pipe"
	}
	if err != nil {
		kind = err.Error()
	}
	return fmt.Sprintf("%q (%s)", file.Name(), kind)
}

// lookAgain needs s.mu.
func (s *Spool) lookAgain(at time.Time) {
	if s.settles.IsZero() || at.Before(s.settles) {
		s.settles = at
	}
}

// isHidden tells files that nobody is meant to see yet.
func isHidden(name string) bool {
	return strings.HasPrefix(name, tempPrefix) || strings.HasSuffix(name, tempSuffix)
}

// newEntry also reports whether some other program named the file.
func newEntry(info fs.FileInfo) (entry Entry, foreign bool) {
	entry = Entry{Name: info.Name(), Size: info.Size(), arrived: info.ModTime(), changed: info.ModTime(), touched: changeTime(info)}
	name := reportfile.ParseName(entry.Name)
	if name.Arrived.IsZero() {
		entry.since = entry.touched
		return entry, true
	}
	entry.arrived, entry.since, entry.Host = name.Arrived, name.Arrived, name.Host
	return entry, !strings.HasSuffix(entry.Name, reportfile.Suffix) // we compress nothing
}

// OpenEntry opens a report for reading. What somebody has put in its place since
// it was listed may be a link to anything, or a pipe that would never open.
func (s *Spool) OpenEntry(entry Entry) (*os.File, error) {
	file, err := os.OpenFile(s.path(newDir, entry.Name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", file.Name()), err, file.Close())
	}
	return file, nil
}

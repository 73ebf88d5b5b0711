package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tidyEvery is how often Tidy looks at the disk when no limit asks for it.
const tidyEvery = 10 * time.Minute

// abandoned is the age of a temporary file that nobody is still writing: no
// report takes minutes, and another process may be writing one now.
const abandoned = 10 * time.Minute

// Tidy keeps processed/ within its limits, the oldest first, removes temporary
// files that a crash left behind, and counts what is in rejected/. It looks at
// the disk when the archive is too large, or else every ten minutes; at any
// other time it costs nothing.
func (s *Spool) Tidy(now time.Time) error {
	if !s.untidy(now) {
		return nil
	}
	rejected, err := s.count(rejectedDir)
	return errors.Join(err, removeTemporary(s.path(newDir, ""), now.Add(-abandoned)), s.trim(now), s.tidied(now, rejected))
}

func (s *Spool) untidy(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.options.ArchiveMaxSize
	return limit > 0 && s.archived.Bytes > limit || now.Sub(s.lastTidy) >= tidyEvery
}

func (s *Spool) tidied(now time.Time, rejected Count) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastTidy, s.rejected = now, rejected
	return nil
}

// archivedFile is a file in processed/.
type archivedFile struct {
	name string
	size int64
	at   time.Time // when it came there
}

// trim deletes from processed/ what its limits do not allow.
func (s *Spool) trim(now time.Time) error {
	var files []archivedFile
	var sum Count
	err := s.each(processedDir, func(info fs.FileInfo) {
		sum.add(info.Size())
		files = append(files, archivedFile{info.Name(), info.Size(), changeTime(info)})
	})
	slices.SortFunc(files, func(a, b archivedFile) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.name, b.name))
	})
	var deleted Count
	target := s.archiveTarget(sum.Bytes)
	for _, file := range files {
		tooOld := s.options.ArchiveMaxAge > 0 && now.Sub(file.at) > s.options.ArchiveMaxAge
		if !tooOld && sum.Bytes <= target {
			break
		}
		if removeErr := os.Remove(s.path(processedDir, file.name)); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("trimming the archive: %w", removeErr))
			break
		}
		sum.remove(file.size)
		deleted.add(file.size)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.archived = sum
	s.deleted.Files += deleted.Files
	s.deleted.Bytes += deleted.Bytes
	return err
}

// archiveTarget returns how many bytes may stay of those that are there: all,
// or some less than the limit, so that not every report that comes has the
// whole folder looked through.
func (s *Spool) archiveTarget(bytes int64) int64 {
	limit := s.options.ArchiveMaxSize
	if limit == 0 || bytes <= limit {
		return bytes
	}
	return limit - limit/16
}

func (s *Spool) count(folder string) (sum Count, err error) {
	err = s.each(folder, func(info fs.FileInfo) { sum.add(info.Size()) })
	return sum, err
}

// each calls fn for each file of a folder that is not hidden, a few at a time:
// an archive can be large.
func (s *Spool) each(folder string, fn func(fs.FileInfo)) error {
	dir, err := os.Open(s.path(folder, ""))
	if err != nil {
		return fmt.Errorf("tidying the spool: %w", err)
	}
	defer func() { _ = dir.Close() }()
	for {
		files, err := dir.ReadDir(1024)
		for _, file := range files {
			info, err := file.Info()
			if err == nil && info.Mode().IsRegular() && !isHidden(info.Name()) {
				fn(info)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("tidying the spool: %w", err)
		}
	}
}

// removeTemporary removes temporary files that were last written before then.
func removeTemporary(folder string, then time.Time) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), tempPrefix) || !strings.HasSuffix(entry.Name(), tempSuffix) {
			continue
		}
		info, err := entry.Info()
		if err != nil || info.ModTime().After(then) {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

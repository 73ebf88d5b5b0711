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
// other time it costs nothing, and returns what it returned the last time.
func (s *Spool) Tidy(now time.Time) error {
	if tidy, err := s.isTidy(now); tidy {
		return err
	}
	rejected, err := s.count(rejectedDir)
	archived, deleted, trimErr := s.trim(now)
	err = errors.Join(err, trimErr, removeTemporary(s.path(newDir, ""), now.Add(-abandoned)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.archived, s.rejected = archived, rejected
	s.deleted.plus(deleted)
	s.tidied, s.untidy = now, err
	return err
}

func (s *Spool) isTidy(now time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.options.ArchiveMaxSize
	tooLarge := limit > 0 && s.archived.Bytes > limit && s.untidy == nil
	return !tooLarge && now.Sub(s.tidied) < tidyEvery, s.untidy
}

// archivedFile is a file in processed/.
type archivedFile struct {
	name string
	size int64
	at   time.Time // when it came there
}

// trim deletes from processed/ what its limits do not allow. Of what cannot be
// deleted it returns the first error.
func (s *Spool) trim(now time.Time) (left, deleted Count, failed error) {
	var files []archivedFile
	limited := s.options.ArchiveMaxAge > 0 || s.options.ArchiveMaxSize > 0
	err := s.each(processedDir, func(info fs.FileInfo) {
		if left.add(info.Size()); limited {
			files = append(files, archivedFile{info.Name(), info.Size(), changeTime(info)})
		}
	})
	if err != nil {
		return left, deleted, err
	}
	slices.SortFunc(files, func(a, b archivedFile) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.name, b.name))
	})
	target := s.archiveTarget(left.Bytes)
	for _, file := range files {
		tooOld := s.options.ArchiveMaxAge > 0 && now.Sub(file.at) > s.options.ArchiveMaxAge
		if !tooOld && left.Bytes <= target {
			break
		}
		if err := os.Remove(s.path(processedDir, file.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = cmp.Or(failed, fmt.Errorf("trimming the archive: %w", err))
			continue
		}
		left.remove(file.size)
		deleted.add(file.size)
	}
	return left, deleted, failed
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

// removeTemporary removes temporary files that were last written before then. Of
// what cannot be removed it returns the first error.
func removeTemporary(folder string, then time.Time) (failed error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), tempPrefix) || !strings.HasSuffix(entry.Name(), tempSuffix) {
			continue
		}
		info, err := entry.Info()
		if err != nil || info.IsDir() || info.ModTime().After(then) {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = cmp.Or(failed, err)
		}
	}
	return failed
}

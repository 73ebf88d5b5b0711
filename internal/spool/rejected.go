package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrRejectedFull says that rejected/ has reached its limit. What would go there
// stays in new/.
var ErrRejectedFull = errors.New("rejected/ is full")

// takeRejected counts files that are about to come into rejected/, when its limit
// allows them.
func (s *Spool) takeRejected(more Count) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.options.RejectedLimit
	if limit > 0 && s.rejected.Bytes+more.Bytes > limit {
		there, err := s.count(rejectedDir) // somebody may have made room
		if err != nil {
			return err
		}
		if s.rejected = there; there.Bytes+more.Bytes > limit {
			return fmt.Errorf("%w: %d bytes are in %s, which takes %d: mend what is there and move it back to new/, or delete it",
				ErrRejectedFull, there.Bytes, filepath.Join(s.dir, rejectedDir), limit)
		}
	}
	s.rejected.plus(more)
	return nil
}

// isOwn reports whether a file is what this package makes: neither a link, a pipe
// or a folder, nor a file that has a name elsewhere, too.
func isOwn(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().IsRegular() && ok && stat.Nlink == 1
}

package spool

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// Rejects collects the lines of one report that are not rows. They end up in
// rejected/ under the report's own name, each below a comment that says why;
// mended, the file can be moved back to new/. Nothing is written, nor any file
// made, before the first line. When there are too many, or one is too long, none are
// kept: the report is then to be set aside as a whole, which takes no more room than
// it has.
type Rejects struct {
	spool  *Spool
	folder string
	name   string
	file   *os.File
	out    *bufio.Writer
	most   int // bytes of all that is noted; 0 for no limit
	lines  int
	bytes  int
	first  error
	cut    error // why not all of it can be kept line by line
}

// maxRejects bounds what is noted of one report: a small one that is compressed can
// hold any number of lines.
const maxRejects = 16 << 20

// Rejects begins the collection for a report.
func (s *Spool) Rejects(entry Entry) *Rejects {
	return &Rejects{spool: s, folder: rejectedDir, name: entry.Name, most: maxRejects}
}

// Add notes a line.
func (r *Rejects) Add(line *reportfile.BadLine) error {
	if r.lines++; r.first == nil {
		r.first = line
	}
	if line.Cut && r.cut == nil {
		r.cut = line
	}
	if r.tooMany() {
		return nil
	}
	reason := printable.Line(line.Error()) // a second line of it would be taken for a row
	if r.bytes += len("# \n\n") + len(reason) + len(line.Text); r.tooMany() {
		r.Abort()
		return nil
	}
	if err := r.open(); err != nil {
		return fmt.Errorf("noting a rejected line: %w", err)
	}
	if _, err := fmt.Fprintf(r.out, "# %s\n%s\n", reason, line.Text); err != nil {
		return fmt.Errorf("noting a rejected line: %w", err)
	}
	return nil
}

// open makes the file, unless it is open. What an import that was cut short had
// noted, or somebody has put there, goes: it comes again, or is not ours.
func (r *Rejects) open() error {
	if r.file != nil {
		return nil
	}
	_ = os.Remove(r.temporary())
	file, err := os.OpenFile(r.temporary(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	r.file, r.out = file, bufio.NewWriter(file)
	return nil
}

func (r *Rejects) tooMany() bool { return r.most > 0 && r.bytes > r.most }

// Overflow says why the report is to be set aside as a whole, or returns nil.
func (r *Rejects) Overflow() error {
	if !r.tooMany() {
		return r.cut
	}
	return fmt.Errorf("%d lines are not rows, more than are kept apart; the first: %w", r.lines, r.first)
}

// First returns what is wrong with the first line that was added, if any was.
func (r *Rejects) First() error { return r.first }

// Commit puts what was noted in its place, durably. Call it before Done.
func (r *Rejects) Commit() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.out.Flush(), r.file.Sync(), r.file.Close())
	r.file = nil
	if err == nil && r.folder == rejectedDir {
		err = r.spool.takeRejected(Count{1, int64(r.bytes)})
	}
	if err == nil {
		err = os.Rename(r.temporary(), r.spool.free(r.folder, r.name))
	}
	if err == nil {
		err = syncDir(filepath.Join(r.spool.dir, r.folder))
	}
	if err != nil {
		_ = os.Remove(r.temporary())
		return fmt.Errorf("keeping rejected lines: %w", err)
	}
	return nil
}

// Abort forgets what was noted, unless it was committed.
func (r *Rejects) Abort() {
	if r.file == nil {
		return
	}
	_ = r.file.Close()
	_ = os.Remove(r.temporary())
	r.file = nil
}

func (r *Rejects) temporary() string {
	// A name may have all the length that the file system allows.
	return r.spool.path(r.folder, fmt.Sprintf("%s%x%s", tempPrefix, sha256.Sum256([]byte(r.name)), tempSuffix))
}

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

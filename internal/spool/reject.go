package spool

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"telegraf-conntrack-accounting/internal/report"
)

// Rejects collects the lines of one report that are no rows. They end up in
// rejected/ under the report's own name, each below a comment that says why;
// mended, the file can be moved back to new/. Nothing is written, nor any file
// made, before the first line.
type Rejects struct {
	spool  *Spool
	folder string
	name   string
	file   *os.File
	out    *bufio.Writer
}

// Rejects begins the collection for a report.
func (s *Spool) Rejects(entry Entry) *Rejects {
	return &Rejects{spool: s, folder: rejectedDir, name: entry.Name}
}

// Add notes a line.
func (r *Rejects) Add(line *report.BadLine) error {
	if r.file == nil {
		// Truncated: what an import that was cut short had noted comes again.
		file, err := os.Create(r.temporary())
		if err != nil {
			return fmt.Errorf("noting a rejected line: %w", err)
		}
		r.file, r.out = file, bufio.NewWriter(file)
	}
	if _, err := fmt.Fprintf(r.out, "# %v\n%s\n", line, line.Text); err != nil {
		return fmt.Errorf("noting a rejected line: %w", err)
	}
	return nil
}

// Commit puts what was noted in its place, durably. Call it before Done.
func (r *Rejects) Commit() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.out.Flush(), r.file.Sync(), r.file.Close())
	r.file = nil
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
	return r.spool.path(r.folder, tempPrefix+r.name+tempSuffix)
}

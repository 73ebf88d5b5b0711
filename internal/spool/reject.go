package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"telegraf-conntrack-accounting/internal/report"
)

// Rejects collects the lines of one report that are no rows. They end up in
// rejected/ under the report's own name, each below a comment that says why;
// mended, the file can be moved back to new/. Nothing is written, nor any file
// made, before the first line.
type Rejects struct {
	spool *Spool
	name  string
	file  *os.File
	out   *bufio.Writer
}

// Rejects begins the collection for a report.
func (s *Spool) Rejects(entry Entry) *Rejects { return &Rejects{spool: s, name: entry.Name} }

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
		err = os.Rename(r.temporary(), r.spool.free(rejectedDir, r.name))
	}
	if err == nil {
		err = syncDir(filepath.Join(r.spool.dir, rejectedDir))
	}
	if err != nil {
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
	return r.spool.path(rejectedDir, tempPrefix+r.name+tempSuffix)
}

// rejectedLimit bounds the file of a day in rejected/ that Reject writes: when
// everything that arrives is wrong, its beginning tells as much as all of it.
const rejectedLimit = 16 << 20

// Reject keeps text, about things that never became part of a report, in the
// file of the day in rejected/. It returns the file's name, and false when the
// file is full and text was not kept.
func (s *Spool) Reject(now time.Time, text []byte) (name string, kept bool, err error) {
	name = s.path(rejectedDir, "metrics-"+now.UTC().Format("20060102")+".txt")
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return name, false, fmt.Errorf("keeping rejected metrics: %w", err)
	case info.Size()+int64(len(text)) > rejectedLimit:
		return name, false, nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return name, false, fmt.Errorf("keeping rejected metrics: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return name, false, fmt.Errorf("keeping rejected metrics: %w", err)
	}
	return name, true, nil
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/report"
)

// importRejects notes rejected lines: the first few on the terminal, all in a
// file if the user wants one. Mended, that file can be imported.
type importRejects struct {
	show io.Writer

	mu    sync.Mutex
	shown int
	file  *os.File // nil where there is none
	out   *bufio.Writer
	noted bool
	bytes int
	most  int // bytes of the file
}

// maxRejected bounds the file: a small one that is compressed can hold any number
// of lines.
const maxRejected = 256 << 20

// newImportRejects makes the file, unless its path is empty. It never writes
// over one that is there: a slip in the command line must not cost a report.
func newImportRejects(path string) (*importRejects, error) {
	r := &importRejects{most: maxRejected}
	if path == "" {
		return r, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("-rejected: %w", err)
	}
	r.file, r.out = file, bufio.NewWriter(file)
	return r, nil
}

// is reports whether a file is the one of r.
func (r *importRejects) is(info os.FileInfo) bool {
	if r.file == nil {
		return false
	}
	own, err := r.file.Stat()
	return err == nil && os.SameFile(own, info)
}

func (r *importRejects) add(path string, line *report.BadLine) error {
	const most = 10
	reason := fmt.Sprintf("%s:%d: %s", printable.Line(path), line.Number, printable.Line(line.Reason.Error()))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown++
	switch {
	case r.shown <= most:
		_, _ = fmt.Fprintln(r.show, reason)
	case r.shown == most+1 && r.file == nil:
		_, _ = fmt.Fprintln(r.show, "more lines are rejected; -rejected FILE keeps them all")
	case r.shown == most+1:
		_, _ = fmt.Fprintf(r.show, "more lines are rejected; see %s\n", printable.Line(r.file.Name()))
	}
	if r.file == nil {
		return nil
	}
	r.noted = true
	return r.note("# " + reason + "\n" + line.Text + "\n")
}

// note adds text to the file, as long as it has room, and says when it has none.
func (r *importRejects) note(text string) error {
	if r.bytes > r.most {
		return nil
	}
	if r.bytes += len(text); r.bytes > r.most {
		_, _ = fmt.Fprintf(r.show, "%s has %d MiB and takes no more: what is rejected from here on is only counted\n", printable.Line(r.file.Name()), r.most>>20)
		return nil
	}
	if _, err := r.out.WriteString(text); err != nil {
		return fmt.Errorf("noting a rejected line: %w", err)
	}
	return nil
}

// close completes the file, and removes it again when nothing is in it.
func (r *importRejects) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.out.Flush(), r.file.Close())
	if !r.noted {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	if err != nil {
		return fmt.Errorf("keeping rejected lines: %w", err)
	}
	return nil
}

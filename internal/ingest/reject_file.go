package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// maxRejected limits the file: a small compressed input can hold any number of lines.
const maxRejected = 256 << 20

// rejectFile keeps rejected lines of one kind, each below a comment.
type rejectFile struct {
	path  string
	file  *os.File
	out   *bufio.Writer
	noted bool
	bytes int
	most  int // bytes of the file
}

// newRejectFile never overwrites a file: a typo in the command line must not destroy a
// report.
func newRejectFile(path string) (*rejectFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("-rejected: %w", err)
	}
	return &rejectFile{path: path, file: file, out: bufio.NewWriter(file), most: maxRejected}, nil
}

func (f *rejectFile) is(info os.FileInfo) bool {
	own, err := f.file.Stat()
	return err == nil && os.SameFile(own, info)
}

// add also reports whether this line has filled the file.
func (f *rejectFile) add(path string, line *reportfile.BadLine) (full bool, err error) {
	if f.noted = true; f.bytes > f.most {
		return false, nil
	}
	text := fmt.Sprintf("# %s:%d: %s\n%s\n", printable.Line(path), line.Number, printable.Line(line.Reason.Error()), line.Text)
	if f.bytes += len(text); f.bytes > f.most {
		return true, nil
	}
	if _, err := f.out.WriteString(text); err != nil {
		return false, fmt.Errorf("noting a rejected line: %w", err)
	}
	return false, nil
}

func (f *rejectFile) close() error {
	err := errors.Join(f.out.Flush(), f.file.Close())
	if !f.noted {
		err = errors.Join(err, os.Remove(f.path))
	}
	if err != nil {
		return fmt.Errorf("keeping rejected lines: %w", err)
	}
	return nil
}

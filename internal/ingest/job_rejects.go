package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// rejects records rejected lines: it prints the first few and, if the user wants
// that, writes all to a file, with line protocol in a second one, so that each file is
// of one kind and can be imported once its lines are repaired.
type rejects struct {
	show io.Writer

	mu      sync.Mutex
	shown   int
	report  *rejectFile // nil where there is none
	metrics *rejectFile
}

// metricsSuffix ends the name of the file of metrics.
const metricsSuffix = ".influx"

// newRejects creates the files, unless path is empty.
func newRejects(path string) (r *rejects, err error) {
	r = new(rejects)
	if path == "" {
		return r, nil
	}
	if r.report, err = newRejectFile(path); err != nil {
		return nil, err
	}
	if r.metrics, err = newRejectFile(path + metricsSuffix); err != nil {
		return nil, errors.Join(err, r.report.close())
	}
	return r, nil
}

// is reports whether a file is one of r.
func (r *rejects) is(info os.FileInfo) bool {
	return r.report != nil && (r.report.is(info) || r.metrics.is(info))
}

// add records a line of a file; metrics is set for line protocol.
func (r *rejects) add(path string, line *reportfile.BadLine, metrics bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	file := r.report
	if metrics {
		file = r.metrics
	}
	r.tell(path, line, file)
	if file == nil {
		return nil
	}
	full, err := file.add(path, line)
	if full {
		_, _ = fmt.Fprintf(r.show, "%s has %d MiB and takes no more: what is rejected from here on is only counted\n", printable.Line(file.path), file.most>>20)
	}
	return err
}

func (r *rejects) tell(path string, line *reportfile.BadLine, file *rejectFile) {
	const most = 10
	r.shown++
	switch {
	case r.shown <= most:
		_, _ = fmt.Fprintf(r.show, "%s:%d: %s\n", printable.Line(path), line.Number, printable.Line(line.Reason.Error()))
	case r.shown == most+1 && file == nil:
		_, _ = fmt.Fprintln(r.show, "more lines are rejected; -rejected FILE keeps them all")
	case r.shown == most+1:
		_, _ = fmt.Fprintf(r.show, "more lines are rejected; see %s\n", printable.Line(file.path))
	}
}

// close completes the files, and removes empty ones.
func (r *rejects) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report == nil {
		return nil
	}
	return errors.Join(r.report.close(), r.metrics.close())
}

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

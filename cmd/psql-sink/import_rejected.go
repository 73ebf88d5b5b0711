package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// importRejects notes rejected lines: the first few on the terminal, all in a
// file if the user wants one, and those of line protocol in another beside it, so that
// each is of one kind. Mended, these files can be imported.
type importRejects struct {
	show io.Writer

	mu      sync.Mutex
	shown   int
	report  *rejectFile // nil where there is none
	metrics *rejectFile
}

// metricsSuffix is behind the name of the file of metrics.
const metricsSuffix = ".influx"

// newImportRejects makes the files, unless their path is empty.
func newImportRejects(path string) (r *importRejects, err error) {
	r = new(importRejects)
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
func (r *importRejects) is(info os.FileInfo) bool {
	return r.report != nil && (r.report.is(info) || r.metrics.is(info))
}

// add notes a line of a file, which is a report or line protocol.
func (r *importRejects) add(path string, line *reportfile.BadLine, metrics bool) error {
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

func (r *importRejects) tell(path string, line *reportfile.BadLine, file *rejectFile) {
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

// close completes the files, and removes those again in which nothing is.
func (r *importRejects) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report == nil {
		return nil
	}
	return errors.Join(r.report.close(), r.metrics.close())
}

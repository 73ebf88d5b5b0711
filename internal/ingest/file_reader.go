package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/lines"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/unpack"
)

// FileReader reads the rows of files, one file after the other: of reports, and of
// line protocol, such as the sink keeps what it has rejected in.
type FileReader struct {
	convert Metrics
	report  *reportfile.Reader
	metrics *lines.Reader // nil where the file is a report
	given   string        // the host of what names none
	host    string        // of the row that was read last
	rows    int           // of line protocol
}

// Metrics converts between metrics and rows.
type Metrics interface {
	// Row makes a row of a metric, and returns its host: the given one where the
	// metric names none. A metric that is not traffic gives neither a row nor an error.
	Row(m telegraf.Metric, given string) (row reportfile.Row, host string, found bool, err error)
	// Text returns a row as a line of line protocol.
	Text(row *reportfile.Row, host string) ([]byte, error)
}

// NewFileReader returns a FileReader.
func NewFileReader(metrics Metrics) *FileReader {
	return &FileReader{convert: metrics, report: reportfile.NewReader(nil)}
}

// Reset makes it read another file. host is that of a report, and of metrics that
// name none.
func (f *FileReader) Reset(in *unpack.Reader, host string) {
	f.given, f.host, f.rows, f.metrics = host, host, 0, nil
	if isLineProtocol(in) {
		f.metrics = lines.NewReader(in)
		return
	}
	f.report.Reset(in)
}

// Read sets row to the next row. See reportfile.Reader.
func (f *FileReader) Read(row *reportfile.Row) error {
	if f.metrics == nil {
		return f.report.Read(row)
	}
	for {
		entry, err := f.metrics.Next()
		if err != nil {
			return err
		}
		found, err := f.decode(entry, row)
		if err != nil {
			cut := entry.Err != nil && !errors.Is(entry.Err, lines.ErrCut)
			return &reportfile.BadLine{Number: f.metrics.Line(), Text: string(entry.Text), Cut: cut, Reason: err}
		}
		if found {
			f.rows++
			return nil
		}
	}
}

var errTimeless = errors.New("has no time: it would be another row each time that the file is read")

// decode makes a row of an entry, if one is in it.
func (f *FileReader) decode(entry lines.Entry, row *reportfile.Row) (found bool, err error) {
	if entry.Err != nil {
		return false, fmt.Errorf("%s: %w", lines.Unreadable, entry.Err)
	}
	m, err := lines.Decode(entry.Text, time.Time{})
	if err != nil {
		return false, fmt.Errorf("%s: %w", lines.Unreadable, err)
	}
	if m == nil {
		return false, nil
	}
	*row, f.host, found, err = f.convert.Row(m, f.given)
	switch {
	case !found:
		return false, nil
	case m.Time().IsZero():
		return false, errTimeless
	}
	return err == nil, err
}

// Host returns the host of the row that was read last.
func (f *FileReader) Host() string { return f.host }

// Line returns the number of the line that was read last.
func (f *FileReader) Line() int {
	if f.metrics == nil {
		return f.report.Line()
	}
	return f.metrics.Line()
}

// Rows returns how many rows were read.
func (f *FileReader) Rows() int {
	if f.metrics == nil {
		return f.report.Rows()
	}
	return f.rows
}

// Thin returns the rows of a report that may have their columns in another order.
func (f *FileReader) Thin() reportfile.Thin {
	if f.metrics != nil {
		return reportfile.Thin{} // their fields have names
	}
	return f.report.Thin()
}

// Metrics reports whether the file is line protocol.
func (f *FileReader) Metrics() bool { return f.metrics != nil }

// Text returns a row as the line of a file of this kind. As a metric it names its
// host.
func (f *FileReader) Text(row *reportfile.Row, host string, metrics bool) string {
	if metrics {
		if line, err := f.convert.Text(row, host); err == nil {
			return string(line)
		}
	}
	return strings.TrimSuffix(string(reportfile.Append(nil, row)), "\n")
}

// isLineProtocol decides what a file is, by the first of its lines that is a row or
// a metric. Nothing is both: the second column of a row is a protocol, where a metric
// has a tag, with an equals sign. Where no line is either, it is called a report.
func isLineProtocol(in *unpack.Reader) bool {
	const least, most = 1 << 10, 64 << 10
	for size := least; size <= most; size *= 2 {
		head, err := in.Peek(size)
		if metric, sure := looksLike(head, errors.Is(err, io.EOF)); sure {
			return metric
		}
		if err != nil {
			break // which reading tells
		}
	}
	return false
}

// looksLike reports whether the first line that tells is a metric, and whether there
// is such a line.
func looksLike(head []byte, whole bool) (metric, sure bool) {
	entries := lines.NewSplitter()
	for entries.Add(head); ; entries.Consume() {
		e, ok := entries.Next(whole)
		if !ok {
			return false, false
		}
		if beginsRow(e.Text) {
			return false, true
		}
		if m, err := lines.Decode(e.Text, time.Time{}); e.Err == nil && err == nil && m != nil {
			return true, true
		}
	}
}

// beginsRow reports whether a line begins with a number and something that is not a tag.
func beginsRow(line []byte) bool {
	number, rest, found := bytes.Cut(line, []byte{','})
	second, _, _ := bytes.Cut(rest, []byte{','})
	return found && len(number) > 0 && len(bytes.Trim(number, `"-0123456789`)) == 0 && bytes.IndexByte(second, '=') < 0
}

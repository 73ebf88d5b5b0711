package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxLine bounds a line: three texts, two names with all their quotes and nine
// numbers stay far below it.
const maxLine = 4096

// BadLine is a line that is no row.
type BadLine struct {
	Number int    // counted from 1
	Text   string // as it stands in the file, cut when it is very long
	Reason error
}

func (b *BadLine) Error() string { return fmt.Sprintf("line %d: %v", b.Number, b.Reason) }

func (b *BadLine) Unwrap() error { return b.Reason }

// Reader reads rows one by one. A bad line does not end the reading. Empty
// lines and comments (lines that begin with #) are passed over, so that a file
// from rejected/ can be mended and loaded again as it is.
type Reader struct {
	in     *bufio.Reader
	line   int
	intern map[string]string
	names  map[string]string // as they are in files, and as CleanName makes them
	quoted []byte            // the name read last, without its quotes
	err    error
}

// NewReader returns a Reader of the lines of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, 64<<10), intern: make(map[string]string), names: make(map[string]string)}
}

// Reset makes the Reader read the lines of another input. It spares the memory
// of a new one, and the texts that both inputs have.
func (r *Reader) Reset(in io.Reader) {
	r.in.Reset(in)
	r.line, r.err = 0, nil
}

// Read sets row to the next row. It returns io.EOF at the end, a *BadLine for
// a line that is no row (read on after it), or the error of the input.
func (r *Reader) Read(row *Row) error {
	for r.err == nil {
		line, err := r.next()
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err == nil {
			err = r.parse(line, row)
		}
		if err != nil {
			return &BadLine{Number: r.line, Text: string(line), Reason: err}
		}
		return nil
	}
	return r.err
}

// Line returns the number of the line read last, counted from 1.
func (r *Reader) Line() int { return r.line }

// next returns the next line without its end. It returns the beginning of a
// line that is too long, and says so. A last line that has no end may have been
// cut short anywhere, and a number cut short is a number still: it is no row.
func (r *Reader) next() ([]byte, error) {
	r.line++
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line[:maxLine])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.in.ReadSlice('\n')
		}
		r.err = err
		return line, errLine
	}
	r.err = err
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil // not all of the line: Read returns the input's error
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
	switch {
	case len(line) > maxLine:
		return line[:maxLine], errLine
	case err != nil:
		return line, errCut
	}
	return line, nil
}

const (
	minColumns = 11
	maxColumns = 12 // before those of names
)

func (r *Reader) parse(line []byte, row *Row) error {
	var columns [maxColumns][]byte
	n := bytes.Count(line, []byte{','}) + 1
	if n < minColumns {
		return columnsError(n)
	}
	for i := range min(n, maxColumns) {
		columns[i], line, _ = bytes.Cut(line, []byte{','})
	}
	*row = Row{
		Proto: r.text(columns[1]), Src: r.text(columns[2]), Dst: r.text(columns[3]),
	}
	if n > maxColumns {
		if err := r.readNames(line, row); err != nil {
			return err
		}
		if len(columns[maxColumns-1]) == 0 {
			columns[maxColumns-1] = nil
		}
	}
	row.HasOpen = columns[maxColumns-1] != nil
	var port int64
	for _, number := range [...]struct {
		name string
		text []byte
		to   *int64
	}{
		{"time_ns", columns[0], &row.Time},
		{"port", columns[4], &port},
		{"src_packets", columns[5], &row.SrcPackets},
		{"dst_packets", columns[6], &row.DstPackets},
		{"src_bytes", columns[7], &row.SrcBytes},
		{"dst_bytes", columns[8], &row.DstBytes},
		{"connection_count", columns[9], &row.ConnectionCount},
		{"connection_times", columns[10], &row.ConnectionTimes},
		{"open_connections", columns[11], &row.OpenConnections},
	} {
		if number.text == nil {
			continue // the twelfth column, where there are eleven or it is empty
		}
		value, err := parseInt(number.text)
		if err != nil {
			return fmt.Errorf("%s %w", number.name, err)
		}
		*number.to = value
	}
	if port < -1 || port > 65535 {
		return fmt.Errorf("port %w", errPort)
	}
	row.Port = int32(port)
	return row.Check()
}

const maxInterned = 1 << 16

// text returns b as a string, the same one each time: a file holds the same
// few addresses over and over. The bound keeps a hostile file from filling
// memory.
func (r *Reader) text(b []byte) string {
	if s, ok := r.intern[string(b)]; ok {
		return s
	}
	if len(r.intern) >= maxInterned {
		clear(r.intern)
	}
	s := string(b)
	r.intern[s] = s
	return s
}

// parseInt reads a decimal number. It is stricter than strconv.ParseInt, which
// would take a leading plus sign.
func parseInt(b []byte) (int64, error) {
	if len(b) == 0 || b[0] == '+' {
		return 0, errNumber
	}
	value, err := strconv.ParseInt(string(b), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errRange
	case err != nil:
		return 0, errNumber
	}
	return value, nil
}

package reportfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line: three texts, two names with all their quotes and nine
// numbers stay far below it.
const maxLine = 4096

// BadLine is a line that is not a row.
type BadLine struct {
	Number int    // counted from 1
	Text   string // as it stands in the file
	Cut    bool   // it is so long that Text is its beginning only
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
	protos texts
	ends   texts // src and dst
	names  texts
	quoted []byte // the name read last, without its quotes
	times  horizon
	rows   int
	thin   Thin
	other  bool // a header line has named other columns
	err    error
}

// NewReader returns a Reader of the lines of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{
		in:     bufio.NewReaderSize(in, 64<<10),
		protos: newTexts(checked(checkProto)), ends: newTexts(checked(checkAddress)),
		names: newTexts(func(s string) (string, error) { return CleanName(s), nil }),
	}
}

// Reset makes the Reader read the lines of another input. It spares the memory
// of a new one, and the texts that both inputs have.
func (r *Reader) Reset(in io.Reader) {
	r.in.Reset(in)
	r.line, r.rows, r.thin, r.other, r.err = 0, 0, Thin{}, false, nil
}

// Read sets row to the next row. It returns io.EOF at the end, a *BadLine for
// a line that is not a row (read on after it), or the error of the input.
func (r *Reader) Read(row *Row) error {
	for r.err == nil {
		line, err := r.next()
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err == nil {
			err = r.parse(line, row)
		}
		if errors.Is(err, errHeader) {
			continue
		}
		if err != nil {
			return &BadLine{Number: r.line, Text: string(line), Cut: errors.Is(err, errLine), Reason: err}
		}
		r.rows++
		r.thin.look(row, r.line)
		return nil
	}
	return r.err
}

// Line returns the number of the line read last, counted from 1.
func (r *Reader) Line() int { return r.line }

// Rows returns how many rows were read.
func (r *Reader) Rows() int { return r.rows }

// next returns the next line without its end. It returns the beginning of a
// line that is too long, and says so. A last line that has no end may have been
// cut short anywhere, and a number cut short is still a number: it is not taken for a row.
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

// parse reads a line.
func (r *Reader) parse(line []byte, row *Row) error {
	err := r.parseColumns(line, row)
	if err != nil {
		err = r.parseUnusual(line, row, err)
	}
	if err == nil && r.other {
		return errOther
	}
	return err
}

func (r *Reader) parseColumns(line []byte, row *Row) (err error) {
	c := columns{rest: line, more: true}
	*row = Row{}
	if row.Time, err = c.number(); err != nil {
		return fmt.Errorf("time_ns %w", err)
	}
	for _, text := range [...]struct {
		name string
		to   *string
		of   *texts
	}{{"proto", &row.Proto, &r.protos}, {"src", &row.Src, &r.ends}, {"dst", &row.Dst, &r.ends}} {
		if *text.to, err = text.of.get(c.next()); err != nil {
			return fmt.Errorf("%s %w", text.name, err)
		}
	}
	port, err := c.number()
	if err == nil && (port < -1 || port > maxPort) {
		err = errPort
	}
	if err != nil {
		return fmt.Errorf("port %w", err)
	}
	row.Port = int32(port)
	for _, number := range [...]struct {
		name string
		to   *int64
	}{
		{"src_packets", &row.SrcPackets},
		{"dst_packets", &row.DstPackets},
		{"src_bytes", &row.SrcBytes},
		{"dst_bytes", &row.DstBytes},
		{"connection_count", &row.ConnectionCount},
		{"connection_times", &row.ConnectionTimes},
	} {
		if *number.to, err = c.number(); err != nil {
			return fmt.Errorf("%s %w", number.name, err)
		}
	}
	if err := r.readGauge(&c, row); err != nil {
		return err
	}
	if err := row.checkNumbers(); err != nil {
		return err
	}
	return r.times.check(row.Time)
}

// readGauge reads open_connections, which may be missing, and the names after
// it, before which it may be empty.
func (r *Reader) readGauge(c *columns, row *Row) (err error) {
	if !c.more {
		return nil
	}
	if empty := len(c.rest) > 0 && c.rest[0] == ','; empty {
		c.next()
		return r.readNames(c.rest, row)
	}
	if row.OpenConnections, err = c.number(); err != nil {
		return fmt.Errorf("open_connections %w", err)
	}
	row.HasOpen = true
	if !c.more {
		return nil
	}
	return r.readNames(c.rest, row)
}

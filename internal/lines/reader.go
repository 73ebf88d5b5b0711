package lines

import (
	"bytes"
	"errors"
	"io"
)

// ErrCut is the error of a last entry that has no newline: its last number may be cut
// short, and still decode.
var ErrCut = errors.New("has no line end: it may have been cut short")

// Reader reads a file entry by entry.
type Reader struct {
	in    io.Reader
	split *Splitter
	chunk []byte
	taken bool // the entry that Next returned is to be consumed
	line  int
	err   error // of the input
}

// NewReader returns a Reader of the entries of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: in, split: NewSplitter(), chunk: make([]byte, 64<<10)}
}

// Next returns the next entry, which is valid until the next call, or the error of the
// input: io.EOF at its end.
func (r *Reader) Next() (Entry, error) {
	if r.taken {
		r.split.Consume()
		r.taken = false
	}
	for {
		r.line = r.split.Line()
		if e, ok := r.split.Next(errors.Is(r.err, io.EOF)); ok {
			r.taken = true
			return e, nil
		}
		if r.err != nil {
			return r.rest()
		}
		n, err := r.in.Read(r.chunk)
		r.split.Add(r.chunk[:n])
		r.err = err
	}
}

// rest returns what is behind the last newline.
func (r *Reader) rest() (Entry, error) {
	rest := bytes.TrimSpace(r.split.Rest())
	if !errors.Is(r.err, io.EOF) || len(rest) == 0 {
		return Entry{}, r.err
	}
	r.split = NewSplitter()
	return Entry{Text: rest, Err: ErrCut}, nil
}

// Line returns the number of the line that the last entry begins with.
func (r *Reader) Line() int { return r.line }

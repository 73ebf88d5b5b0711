// Package unpack reads files that may be compressed. It tells what a file is by
// its first bytes, never by its name, decompresses gzip and zstd as they are read,
// in bounded memory, and says of what it cannot read what that is.
package unpack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory that a zstd file may ask for: zstd itself takes 8 MiB
// unless it is told --long.
const maxWindow = 16 << 20

// Reader reads what a file holds.
type Reader struct {
	in     io.Reader
	source *source
	close  func()
}

// Error says that a file itself is at fault: it is damaged, or of a kind that
// nobody can read here. To read it again does not help.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the file.
func (e *Error) Unwrap() error { return e.Err }

// New finds out what kind of file it is. Close the Reader, and then the file.
func New(file io.Reader) (*Reader, error) {
	r := &Reader{source: &source{in: file}, close: func() {}}
	buffered := bufio.NewReaderSize(r.source, 64<<10)
	head, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r.in = buffered
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, r.blame(fmt.Errorf("reading gzip: %w", err))
		}
		r.in = unzipped
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, r.blame(fmt.Errorf("reading zstd: %w", err))
		}
		r.in, r.close = decoder, decoder.Close
	default:
		if kind := unsupported(head); kind != "" {
			return nil, &Error{fmt.Errorf("is %s: only plain text, gzip and zstd are read", kind)}
		}
	}
	return r, nil
}

// unsupported names what a file is that cannot be read, as far as it is known.
func unsupported(head []byte) string {
	for _, kind := range [...]struct{ name, magic string }{
		{"compressed with xz", "\xfd7zXZ\x00"},
		{"compressed with bzip2", "BZh"},
		{"compressed with lz4", "\x04\x22\x4d\x18"},
		{"a zip archive", "PK\x03\x04"},
		{"a 7-Zip archive", "7z\xbc\xaf\x27\x1c"},
		{"UTF-16, not UTF-8", "\xff\xfe"},
		{"UTF-16, not UTF-8", "\xfe\xff"},
	} {
		if bytes.HasPrefix(head, []byte(kind.magic)) {
			return kind.name
		}
	}
	return ""
}

// Read reads on. An error that is not of type *Error is one of the disk.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.blame(fmt.Errorf("decompressing: %w", err))
	}
	return n, err
}

// blame tells errors of the disk from those of what is on it.
func (r *Reader) blame(err error) error {
	if r.source.err != nil {
		return r.source.err
	}
	return &Error{err}
}

// Close frees what decompressing needed.
func (r *Reader) Close() { r.close() }

// source remembers an error of the file.
type source struct {
	in  io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

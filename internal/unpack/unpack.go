// Package unpack reads files that may be compressed. It tells what a file is by
// its first bytes, never by its name, decompresses gzip and zstd as they are read,
// in bounded memory, passes over the byte order mark that Windows' programs put
// before a text, and says of what it cannot read what that is, and what to do.
package unpack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"telegraf-conntrack-accounting/internal/textfile"
)

// maxWindow bounds the memory that a zstd file may ask for: zstd itself takes 8 MiB
// unless it is told --long.
const maxWindow = 16 << 20

// Reader reads what a file holds.
type Reader struct {
	in     *bufio.Reader
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
	r.in = bufio.NewReaderSize(r.source, bufferSize)
	head, err := r.in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := r.decompress(head); err != nil {
		return nil, r.blame(err)
	}
	head, _ = r.in.Peek(headSize) // of an error Read tells
	if kind, remedy := unsupported(head); kind != "" {
		r.close()
		return nil, &Error{fmt.Errorf("is %s: %s; plain text, gzip and zstd are read", kind, remedy)}
	}
	if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		_, _ = r.in.Discard(len(byteOrderMark))
	}
	return r, nil
}

const (
	bufferSize    = 64 << 10
	headSize      = 6
	byteOrderMark = "\ufeff"
)

// decompress puts a decompressor between the file and us, if it begins as one that
// needs it.
func (r *Reader) decompress(head []byte) error {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(r.in)
		if err != nil {
			return fmt.Errorf("reading gzip: %w", err)
		}
		r.in = bufio.NewReaderSize(unzipped, bufferSize)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(r.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return fmt.Errorf("reading zstd: %w", err)
		}
		r.in, r.close = bufio.NewReaderSize(decoder, bufferSize), decoder.Close
	}
	return nil
}

// unsupported names what a file is that cannot be read, as far as it is known, and
// what can be done about it.
func unsupported(head []byte) (kind, remedy string) {
	for _, known := range [...]struct{ kind, magic, remedy string }{
		{"compressed with xz", "\xfd7zXZ\x00", "unxz it first"},
		{"compressed with bzip2", "BZh", "bunzip2 it first"},
		{"compressed with lz4", "\x04\x22\x4d\x18", "unlz4 it first"},
		{"compressed with gzip or zstd twice", "\x1f\x8b", "decompress it once"},
		{"compressed with gzip or zstd twice", "\x28\xb5\x2f\xfd", "decompress it once"},
		{"a zip archive", "PK\x03\x04", "unzip it first"},
		{"a 7-Zip archive", "7z\xbc\xaf\x27\x1c", "unpack it first"},
	} {
		if bytes.HasPrefix(head, []byte(known.magic)) {
			return known.kind, known.remedy
		}
	}
	if textfile.IsWide(head) {
		return "UTF-16, not UTF-8", "iconv -f UTF-16 -t UTF-8 makes text of it"
	}
	return "", ""
}

// Peek returns the next n bytes without taking them, or as many as there are and
// why there are no more. It takes 64 KiB at most.
func (r *Reader) Peek(n int) ([]byte, error) { return r.in.Peek(n) }

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

// Consumed returns how many bytes of the file were read, before decompression.
func (r *Reader) Consumed() int64 { return r.source.read }

// Close frees what decompressing needed.
func (r *Reader) Close() { r.close() }

// source remembers what was read of the file, and its error.
type source struct {
	in   io.Reader
	read int64
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	s.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

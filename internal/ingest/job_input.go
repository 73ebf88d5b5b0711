package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/unpack"
)

// importInput is an open source, decompressed.
type importInput struct {
	*unpack.Reader
	read int64 // bytes of the file, before decompression

	file io.ReadCloser
}

func openInput(path string) (*importInput, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := newInput(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return in, nil
}

func newInput(file io.ReadCloser) (*importInput, error) {
	in := &importInput{file: file}
	var err error
	if in.Reader, err = unpack.New(inputCounter{in}); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return in, nil
}

func (in *importInput) Close() error {
	in.Reader.Close()
	return in.file.Close()
}

type inputCounter struct{ in *importInput }

func (c inputCounter) Read(p []byte) (int, error) {
	n, err := c.in.file.Read(p)
	c.in.read += int64(n)
	return n, err
}

// stream is standard input or a named pipe. Reading it also ends with the context: it
// polls, since a blocked read cannot be interrupted.
type stream struct {
	*os.File
	ctx context.Context
}

func (s *stream) Read(p []byte) (int, error) {
	const every = 100 * time.Millisecond
	for {
		fds := []unix.PollFd{{Fd: int32(s.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(every.Milliseconds()))
		switch {
		case s.ctx.Err() != nil:
			return 0, context.Cause(s.ctx)
		case err != nil && !errors.Is(err, unix.EINTR):
			return 0, fmt.Errorf("waiting for input: %w", err)
		case n > 0:
			return s.File.Read(p)
		}
	}
}

// lookReader reads the beginnings of files, one after the other.
type lookReader struct{ rows *ingest.FileReader }

// first returns the time of the first row of a file, or math.MaxInt64 if the first lines
// have none, and whether its rows name hosts. It ignores errors: the import reports
// them.
func (l *lookReader) first(path string) (at int64, hosts bool) {
	const most = 100 // lines to look at
	in, err := openInput(path)
	if err != nil {
		return math.MaxInt64, false
	}
	defer func() { _ = in.Close() }()
	l.rows.Reset(in.Reader, "")
	for range most {
		var row reportfile.Row
		err := l.rows.Read(&row)
		if err == nil {
			return row.Time, l.rows.Metrics()
		}
		if _, ok := errors.AsType[*reportfile.BadLine](err); !ok {
			break
		}
	}
	return math.MaxInt64, l.rows.Metrics()
}

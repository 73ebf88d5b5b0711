package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/unpack"
)

// input is an open source, decompressed.
type input struct {
	*unpack.Reader
	file *os.File
}

// open opens a source. The reading of a stream ends with the context, too.
func (j *Job) open(ctx context.Context, s *source) (_ *input, err error) {
	file := j.Stdin
	if s.path != "-" {
		if file, err = os.Open(s.path); err != nil {
			return nil, err
		}
	}
	var from io.Reader = file
	if s.stream {
		from = &stream{file, ctx}
	}
	in, err := unpack.New(from)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", file.Name(), err), file.Close())
	}
	return &input{in, file}, nil
}

func (in *input) close() {
	in.Close()          // what decompressing needed
	_ = in.file.Close() // it was read only
}

// stream is standard input or a named pipe. It polls, since a blocked read cannot be interrupted.
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

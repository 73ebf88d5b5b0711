package statefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// File is an open state that is not damaged.
type File struct {
	Origin
	Superseded time.Time // zero for a current state

	Body     io.Reader // what the writer's function wrote
	BodySize int64

	file *os.File
}

// Open opens the state at the path, after it has read it once and checked it. Errors are
// [ErrDamaged], [ErrForeign], [ErrVersion], or the system's: fs.ErrNotExist where there is
// no state. It does not block on a named pipe.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path), f.Close())
	}
	s, err := open(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func open(f *os.File) (*File, error) {
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	var sum checksum
	if _, err := io.CopyBuffer(&sum, readerOnly{f}, make([]byte, bufferSize)); err != nil {
		return nil, err
	}
	if sum.length != h.length {
		return nil, fmt.Errorf("%w: it has %d bytes and should have %d", ErrDamaged, sum.length, h.length)
	}
	if sum.sum != h.checksum {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	if _, err := f.Seek(headerSize, io.SeekStart); err != nil {
		return nil, err
	}
	s := &File{file: f}
	if h.superseded != 0 {
		s.Superseded = time.Unix(0, h.superseded)
	}
	body := bufio.NewReaderSize(f, bufferSize)
	var size int64
	if s.Origin, size, err = readOrigin(body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	s.Body, s.BodySize = body, h.length-size
	return s, nil
}

// readerOnly hides that a file can copy itself, so that the copy uses our
// buffer.
type readerOnly struct{ io.Reader }

// Close closes the file.
func (s *File) Close() error { return s.file.Close() }

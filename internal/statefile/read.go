package statefile

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// File is a state that is not damaged.
type File struct {
	Origin
	Superseded time.Time // zero for a current state
	Body       []byte
}

// Read reads the state at the path. Errors are [ErrDamaged], [ErrForeign], [ErrVersion],
// or the system's: fs.ErrNotExist where there is no state. It does not block on a named
// pipe.
func Read(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	if size := info.Size() - headerSize; size != h.Length {
		return nil, fmt.Errorf("%w: it has %d bytes and should have %d", ErrDamaged, size, h.Length)
	}
	content := make([]byte, h.Length)
	if _, err := io.ReadFull(f, content); err != nil {
		return nil, err
	}
	return decode(&h, content)
}

func decode(h *header, content []byte) (s *File, err error) {
	if checksum(content) != h.Checksum {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	s = &File{}
	if s.Origin, s.Body, err = decodeOrigin(content); err != nil {
		return nil, err
	}
	if h.Superseded != 0 {
		s.Superseded = time.Unix(0, h.Superseded)
	}
	return s, nil
}

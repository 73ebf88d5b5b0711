package statefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// bufferSize makes writes large enough that their number does not matter.
const bufferSize = 256 << 10

// Prepare checks that a state can be written at the path, and removes states that killed
// processes have left half-written.
func Prepare(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	f, err := create(path)
	if err != nil {
		return fmt.Errorf("%w (its folder must exist and be writable by this user)", err)
	}
	if err := errors.Join(f.Close(), removeLeft(path)); err != nil { // including the one just made
		return fmt.Errorf("removing what was left half-written: %w", err)
	}
	return nil
}

func removeLeft(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	before, after, _ := strings.Cut(filepath.Base(temporary(path, "\x00")), "\x00")
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, before) && strings.HasSuffix(name, after) {
			err := os.Remove(filepath.Join(filepath.Dir(path), name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// temporary is the name of a state that is being written by a process.
func temporary(path, process string) string {
	return besides(path, process+".tmp")
}

// besides is the name of a hidden file that goes with the state.
func besides(path, suffix string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+suffix)
}

// Write replaces the state at the path by one with the body that the function
// writes, and returns its size. After an error the former state is still there.
func Write(path string, origin Origin, body func(io.Writer) error) (size int64, err error) {
	f, err := create(path)
	if err != nil {
		return 0, err
	}
	size, err = fill(f, origin, body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return 0, err
	}
	return size, nil
}

// create makes the file that a state at the path is written to. It replaces anything
// with that name, such as a pipe, without opening it.
func create(path string) (*os.File, error) {
	name := temporary(path, fmt.Sprint(os.Getpid()))
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

func fill(f *os.File, origin Origin, body func(io.Writer) error) (size int64, err error) {
	if _, err := f.Seek(headerSize, io.SeekStart); err != nil {
		return 0, err
	}
	var sum checksum
	w := bufio.NewWriterSize(io.MultiWriter(f, &sum), bufferSize)
	if err := errors.Join(origin.write(w), body(w), w.Flush()); err != nil {
		return 0, err
	}
	h := header{checksum: sum.sum, length: sum.length}
	_, err = f.WriteAt(h.encode(), 0)
	return headerSize + sum.length, err
}

// Supersede marks the state at the path as out of date since the given time. It writes a
// few bytes in place, which a killed process has either done or not. If there is no
// state, because none could be written, it leaves a damaged one, so that the next start
// is not taken for a first start.
func Supersede(path string, at time.Time) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(encodeMark(at.UnixNano()), markAt)
	return errors.Join(err, f.Close())
}

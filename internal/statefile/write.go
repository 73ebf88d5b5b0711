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
)

// bufferSize makes writes large enough that their number does not matter.
const bufferSize = 256 << 10

// Prepare checks that a state can be written at the path, and removes what a
// process that was killed has left half-written there.
func Prepare(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	probe := temporary(path, fmt.Sprint(os.Getpid()))
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return fmt.Errorf("%w (its folder must exist and be writable by this user)", err)
	}
	if err := removeLeft(path); err != nil { // the probe among it
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
	temp := temporary(path, fmt.Sprint(os.Getpid()))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	size, err = fill(f, origin, body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return 0, err
	}
	return size, nil
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

// Supersede marks the state at the path, if there is one, as older than what
// was done by the given time. It costs a write of a few bytes in place, which a
// killed process has either done or not.
func Supersede(path string, at time.Time) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(encodeMark(at.UnixNano()), markAt)
	return errors.Join(err, f.Close())
}

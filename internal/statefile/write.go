package statefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Prepare checks that a state can be written at the path, and removes what a killed
// process has left half-written. The caller holds the [Lock].
func Prepare(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	f, err := create(path)
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("%w (its folder must exist and be writable by this user)", err)
	}
	return nil
}

// besides is the name of a hidden file that goes with the state.
func besides(path, suffix string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+suffix)
}

// Write replaces the state at the path, and returns the size of the new one. After an
// error the former state is still there.
func Write(path string, origin Origin, body []byte) (size int64, err error) {
	about, err := origin.encode()
	if err != nil {
		return 0, err
	}
	f, err := create(path)
	if err != nil {
		return 0, err
	}
	h := header{Checksum: checksum(about, body), Length: int64(len(about) + len(body))}
	_, err = f.Write(append(h.encode(), about...))
	if err == nil {
		_, err = f.Write(body)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return 0, err
	}
	return headerSize + h.Length, nil
}

// create makes the file that a state at the path is written to. It replaces anything
// with that name, such as a pipe, without opening it.
func create(path string) (*os.File, error) {
	name := besides(path, "tmp")
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
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
	h := header{Superseded: at.UnixNano()}
	_, err = f.WriteAt(h.encode()[markAt:], markAt)
	return errors.Join(err, f.Close())
}

package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/reportfile"
)

const (
	tempPrefix = "."
	tempSuffix = ".tmp"
)

// Writer puts reports into a folder as files that appear complete and durable.
// Several Writers, of several processes, may share one folder.
type Writer struct {
	folder string

	mu  sync.Mutex
	seq int // tells apart the reports of one moment
}

// NewWriter checks that the folder is there and can be written to.
func NewWriter(folder string) (*Writer, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, fmt.Errorf("the folder for reports must exist: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file, not a folder for reports", folder)
	}
	path, err := tryFile(folder)
	_ = os.Remove(path) // unless another process tidied it away
	if err != nil {
		return nil, err
	}
	return &Writer{folder: folder}, nil
}

// tryFile makes a temporary file, and returns its path, to find out whether a folder
// can be written to: permissions do not tell root the truth. A disk that is just full
// is not an error of the folder: the path is empty then.
func tryFile(folder string) (path string, err error) {
	file, err := os.CreateTemp(folder, tempPrefix+"writable-*"+tempSuffix)
	if isNoRoom(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("the folder %s must be writable by this user: %w", folder, err)
	}
	return file.Name(), file.Close()
}

// Write stores a report of a host. When it returns nil the report is durable:
// the file and its name are on disk. When it returns an error nothing is left
// behind.
func (w *Writer) Write(host string, data []byte) error {
	return w.write(host, data, os.Rename, os.Remove)
}

// write leaves it to rename to make the report appear, and to remove to take it
// back.
func (w *Writer) write(host string, data []byte, rename func(from, to string) error, remove func(string) error) error {
	w.mu.Lock()
	w.seq++
	name := reportfile.FileName(time.Now(), os.Getpid(), w.seq, host)
	w.mu.Unlock()
	err := writeDurably(w.folder, name, data, rename, remove)
	if isNoRoom(err) {
		return fmt.Errorf("writing a report: free some space on the disk of %s, or use a folder on another: %w", w.folder, err)
	}
	if err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

// isNoRoom says that the disk, or a quota on it, is full.
func isNoRoom(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// writeDurably makes a file appear in folder at once and complete.
func writeDurably(folder, name string, data []byte, rename func(from, to string) error, remove func(string) error) error {
	temp := filepath.Join(folder, tempPrefix+name+tempSuffix)
	if err := writeSynced(temp, data); err != nil {
		_ = os.Remove(temp)
		return err
	}
	final := filepath.Join(folder, name)
	if err := rename(temp, final); err != nil {
		_ = os.Remove(temp)
		return err
	}
	if err := syncDir(folder); err != nil {
		_ = remove(final)
		return err
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a folder durable: fsync of a file alone does not.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening a folder to sync it: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing folder %s: %w", dir, err)
	}
	return nil
}

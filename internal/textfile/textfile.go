// Package textfile reads files that people write: lists, and other settings that
// are read again while a program runs. It never waits for a file, as it would for
// a named pipe, and takes no more memory than Max. The text is UTF-8, without the
// byte order mark that Windows' editors put first.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Max is how many bytes a file may have: two million networks.
const Max = 64 << 20

// File is a file that was read.
type File struct {
	Info fs.FileInfo // from before it was read
	Text []byte
}

// Read reads a file. Info is set also if only what is in the file is wrong.
func Read(path string) (File, error) {
	// Without O_NONBLOCK, opening a named pipe waits for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{Info: info}, fmt.Errorf("%s is %s: want a regular file", path, kind(info.Mode()))
	}
	text, err := io.ReadAll(io.LimitReader(file, Max+1))
	if err == nil {
		text, err = decode(text)
	}
	if err != nil {
		return File{Info: info}, fmt.Errorf("%s: %w", path, err)
	}
	return File{info, text}, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	}
	return "a device"
}

func decode(text []byte) ([]byte, error) {
	if len(text) > Max {
		return nil, fmt.Errorf("is larger than %d MiB", Max>>20)
	}
	if IsWide(text) {
		return nil, errors.New("is UTF-16, as Windows writes it: save it as UTF-8")
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// IsWide reports whether a text is UTF-16: by its byte order mark, which is not UTF-8,
// or by a NUL in its first character, which no text holds.
func IsWide(text []byte) bool {
	if len(text) < 2 {
		return false
	}
	low, high := text[0], text[1]
	return low == 0xff && high == 0xfe || low == 0xfe && high == 0xff || (low == 0) != (high == 0)
}

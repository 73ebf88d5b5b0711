package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// importSource is a file to import.
type importSource struct {
	path   string // "-" for standard input
	host   string
	silent bool  // neither its name nor its rows tell a host: it is the one of -host
	first  int64 // time of the first row; the last of all times where it is not known
	size   int64 // bytes; 0 for a stream
	stream bool  // can be read only once
}

// findSources returns the files that the command line names, in the order in
// which to import them: by host and time, so that the rows of a time come to
// lie together; streams, of which nobody knows the time, are last. Those that
// cannot be read are told, and do not hold up the others.
func (j *importJob) findSources(ctx context.Context) []importSource {
	var sources []importSource
	for _, arg := range j.options.files {
		paths, err := j.expand(arg)
		if err != nil {
			j.failFile(err)
		}
		for _, path := range paths {
			if ctx.Err() != nil {
				return nil
			}
			source, err := j.look(path)
			switch {
			case errors.Is(err, errOwnFile):
			case err != nil:
				j.failFile(err)
			default:
				sources = append(sources, source)
			}
		}
	}
	slices.SortStableFunc(sources, func(a, b importSource) int {
		switch {
		case a.stream && b.stream:
			return 0
		case a.stream:
			return 1
		case b.stream:
			return -1
		}
		return cmp.Or(strings.Compare(a.host, b.host), cmp.Compare(a.first, b.first))
	})
	return sources
}

// expand returns the files of a folder, in order, or else just its argument.
// Hidden files are passed over: the spool's are half-written ones.
func (j *importJob) expand(arg string) ([]string, error) {
	if arg == "-" {
		return []string{arg}, nil
	}
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		return []string{arg}, nil // look will tell
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, err
	}
	var paths []string
	others := 0
	for _, entry := range entries {
		switch path := filepath.Join(arg, entry.Name()); {
		case strings.HasPrefix(entry.Name(), "."):
		case isRegular(path, entry):
			paths = append(paths, path)
		default:
			others++
		}
	}
	if others > 0 {
		j.log.Warnf("%s holds %d folders or special files, which are not imported", arg, others)
	}
	return paths, nil
}

func isRegular(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular() // look will tell the error
}

// errOwnFile says that a file is the one that rejected lines are written to:
// reading it would never end.
var errOwnFile = errors.New("the file of -rejected")

// look finds out what there is to know about a file.
func (j *importJob) look(path string) (importSource, error) {
	source := importSource{path: path, host: j.options.host, silent: true, first: math.MaxInt64, stream: true}
	if path == "-" {
		return source, nil
	}
	if name := reportfile.ParseName(filepath.Base(path)); !name.Arrived.IsZero() {
		source.host, source.silent = name.Host, false
	}
	info, err := os.Stat(path)
	if err != nil {
		return source, err
	}
	if !info.Mode().IsRegular() {
		return source, nil
	}
	if j.rejects.is(info) {
		return source, errOwnFile
	}
	source.size, source.stream = info.Size(), false
	first, hosts := j.looks.first(path)
	source.first, source.silent = first, source.silent && !hosts
	return source, nil
}

func totalSize(sources []importSource) (total int64) {
	for _, source := range sources {
		if source.stream {
			return 0
		}
		total += source.size
	}
	return total
}

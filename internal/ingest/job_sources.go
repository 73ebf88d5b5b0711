package ingest

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

// source is a file to import.
type source struct {
	path   string // "-" for standard input
	host   string
	silent bool  // neither its name nor its rows name a host: -host does
	first  int64 // time of the first row; math.MaxInt64 if unknown
	size   int64 // bytes; 0 for a stream
	stream bool  // can be read only once
}

// findSources returns the files that the command line names, in the order of the
// import: by host and time, so that rows of the same time are stored together. Streams,
// whose times are unknown, are last. Files that cannot be read are logged and left out.
func (j *Job) findSources(ctx context.Context) []source {
	var sources []source
	for _, arg := range j.Files {
		paths, err := j.expand(arg)
		if err != nil {
			j.failFile(err)
		}
		for _, path := range paths {
			if ctx.Err() != nil {
				return nil
			}
			found, err := j.look(ctx, path)
			switch {
			case errors.Is(err, errOwnFile):
			case err != nil:
				j.failFile(err)
			default:
				sources = append(sources, found)
			}
		}
	}
	slices.SortStableFunc(sources, func(a, b source) int {
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

// expand returns the files of a folder, in order, or its argument if that is not a folder.
// It skips hidden files: in a spool these are half written.
func (j *Job) expand(arg string) ([]string, error) {
	if arg == "-" {
		return []string{arg}, nil
	}
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		return []string{arg}, nil // look returns the error
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
		j.log.Warnf("skipping %d folders and special files in %s", arg, others)
	}
	return paths, nil
}

func isRegular(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular() // look returns the error
}

// errOwnFile marks the file that rejected lines are written to: reading it would never
// end.
var errOwnFile = errors.New("the file of -rejected")

// look returns what is known about a file before it is imported.
func (j *Job) look(ctx context.Context, path string) (source, error) {
	s := source{path: path, host: j.Host, silent: true, first: math.MaxInt64, stream: true}
	if path == "-" {
		return s, nil
	}
	if name := reportfile.ParseName(filepath.Base(path)); !name.Arrived.IsZero() {
		s.host, s.silent = name.Host, false
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return s, err
	}
	if j.rejects.is(info) {
		return s, errOwnFile
	}
	s.size, s.stream = info.Size(), false
	var hosts bool
	s.first, hosts = j.firstRow(ctx, &s)
	s.silent = s.silent && !hosts
	return s, nil
}

// firstRow returns the time of the first row of a file, or math.MaxInt64 if the first
// lines have none, and whether its rows name hosts. It ignores errors: the import
// reports them.
func (j *Job) firstRow(ctx context.Context, s *source) (at int64, hosts bool) {
	const most = 100 // lines to look at
	in, err := j.open(ctx, s)
	if err != nil {
		return math.MaxInt64, false
	}
	defer in.close()
	j.looks.Reset(in.Reader, "")
	for range most {
		var row reportfile.Row
		err := j.looks.Read(&row)
		if err == nil {
			return row.Time, j.looks.Metrics()
		}
		if _, ok := errors.AsType[*reportfile.BadLine](err); !ok {
			break
		}
	}
	return math.MaxInt64, j.looks.Metrics()
}

func totalSize(sources []source) (total int64) {
	for _, s := range sources {
		if s.stream {
			return 0
		}
		total += s.size
	}
	return total
}

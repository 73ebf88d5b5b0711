package ingest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/unpack"
)

// Files loads files of any kind, with rows of any hosts, as if they were one: with a
// loader for each host, all of which together hold no more rows than one may. Its
// user numbers the files. Its functions are called by the goroutine that calls Read
// and Flush. It may be left anywhere and begun again: what was stored is then found to
// be there.
type Files struct {
	Reader *FileReader
	Budget *Budget   // shared by all that load at once
	Rows   int       // of a chunk, more or less: it ends with a report
	Days   int       // past days that the database has not and that a file may bring; 0 for no limit
	Begin  time.Time // older rows are left out, and counted; zero for none
	Bisect bool      // look for the rows, too, of an error that nobody understands

	// Store stores rows, all or none. An error of class pgconn.Reject makes a loader
	// look for the row that caused it; any other ends the loading.
	Store func(ctx context.Context, host string, rows *store.Rows) error
	// HasDay reports whether the database has partitions for a day.
	HasDay func(ctx context.Context, day time.Time) (bool, error)
	// Reject gets each line that is not a row, or that the database refuses.
	Reject func(file int, line *reportfile.BadLine) error
	// Postpone gets each row of a day that takes none for now.
	Postpone func(file int, line *reportfile.BadLine) error

	most    int          // rows of one report that are held, a larger one is cut; 0 for reportMost
	metrics map[int]bool // files of line protocol
	days    knownDays
	past    int // rows that were left out

	loaders map[string]*loader // by host
	last    *loader
	held    int // rows, at most
}

// Read reads a file and stores what is too much to hold. Rows that name no host get
// the given one.
func (f *Files) Read(ctx context.Context, n int, in *unpack.Reader, host string) error {
	f.Reader.Reset(in, host)
	if f.metrics == nil {
		f.metrics = make(map[int]bool)
	}
	f.metrics[n] = f.Reader.Metrics()
	return f.read(ctx, n, f.Reader)
}

// rowReader reads the rows of a file, each of which may be of another host.
type rowReader interface {
	// Read sets row to the next one. It returns io.EOF at the end, a
	// *reportfile.BadLine for a line that is not a row, or the error of the file.
	Read(row *reportfile.Row) error
	// Host and Line return the host, and the number of the line, that were read last.
	Host() string
	Line() int
}

func (f *Files) read(ctx context.Context, n int, in rowReader) error {
	var row reportfile.Row
	f.days.beginFile()
	for {
		err := in.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := f.loader(in.Host()).take(ctx, &row, err, origin{int32(n), int32(in.Line())}); err != nil {
			return err
		}
		if f.held++; f.full() {
			if err := f.Flush(ctx); err != nil {
				return err
			}
		}
	}
}

// maxHosts bounds the memory of loaders: a file may name any number of hosts.
const maxHosts = 1024

// full reports whether several hosts hold as much as one may. The texts of each
// take memory of their own, so it is less.
func (f *Files) full() bool {
	return len(f.loaders) > 1 && (f.held >= f.Rows/4 || len(f.loaders) > maxHosts)
}

// loader returns the loader of a host.
func (f *Files) loader(host string) *loader {
	if f.last != nil && f.last.host == host {
		return f.last
	}
	if f.loaders == nil || f.held == 0 {
		f.loaders = make(map[string]*loader) // what was for another file is empty
	}
	l := f.loaders[host]
	if l == nil {
		l = &loader{Files: f, host: host, most: cmp.Or(f.most, reportMost)}
		if !f.Begin.IsZero() {
			l.begin = f.Begin.UnixNano()
		}
		f.loaders[host] = l
	}
	f.last = l
	return l
}

// Flush stores what is held, and forgets the hosts but the last: its memory is used
// again.
func (f *Files) Flush(ctx context.Context) error {
	for _, host := range slices.Sorted(maps.Keys(f.loaders)) {
		l := f.loaders[host]
		if err := l.store(ctx, len(l.from)); err != nil {
			return err
		}
		if l != f.last {
			delete(f.loaders, host)
		}
	}
	f.held = 0
	return nil
}

// Metrics reports whether a file is line protocol.
func (f *Files) Metrics(n int) bool { return f.metrics[n] }

// Past returns how many rows from before Begin were left out since the last call.
func (f *Files) Past() (n int) {
	n, f.past = f.past, 0
	return n
}

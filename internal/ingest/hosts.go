package ingest

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// reader reads the rows of a file, of which each may be of another host.
type reader interface {
	// Read sets row to the next one. It returns io.EOF at the end, a
	// *reportfile.BadLine for what is no row, or the error of the file.
	Read(row *reportfile.Row) error
	// Host and Line return the host, and the number of the line, that were read last.
	Host() string
	Line() int
}

// maxHosts bounds the memory of loaders: a file may name any number of hosts.
const maxHosts = 1024

// hostLoaders loads files in which each row may be of another host: with a loader for
// each host, all of which together hold no more rows than one.
type hostLoaders struct {
	New  func(host string) *loader
	Rows int       // how many rows one of them holds
	Past int       // see loader
	Days *dayLimit // of each of them

	loaders map[string]*loader
	last    *loader
	host    string // of last
	held    int    // at most
}

// Read reads a file, which the caller has numbered, and stores whatever is too much
// to hold.
func (h *hostLoaders) Read(ctx context.Context, file int, in reader) error {
	var row reportfile.Row
	h.Days.file()
	for {
		err := in.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := h.of(in.Host()).take(ctx, &row, err, origin{int32(file), int32(in.Line())}); err != nil {
			return err
		}
		if h.held++; h.full() {
			if err := h.Flush(ctx); err != nil {
				return err
			}
		}
	}
}

// full reports whether several hosts hold as much as one may. The texts of each
// take memory of their own, so it is less.
func (h *hostLoaders) full() bool {
	return len(h.loaders) > 1 && (h.held >= h.Rows/4 || len(h.loaders) > maxHosts)
}

// of returns the loader of a host.
func (h *hostLoaders) of(host string) *loader {
	if h.last != nil && h.host == host {
		return h.last
	}
	if h.loaders == nil || h.held == 0 {
		h.loaders = make(map[string]*loader) // what was for another file is empty
	}
	l := h.loaders[host]
	if l == nil {
		l = h.New(host)
		h.loaders[host] = l
	}
	h.last, h.host = l, host
	return l
}

// Flush stores what is held, and forgets the hosts but the last: its memory is used
// again.
func (h *hostLoaders) Flush(ctx context.Context) error {
	for _, host := range slices.Sorted(maps.Keys(h.loaders)) {
		l := h.loaders[host]
		if err := l.Flush(ctx); err != nil {
			return err
		}
		h.Past += l.Past
		l.Past = 0
		if l != h.last {
			delete(h.loaders, host)
		}
	}
	h.held = 0
	return nil
}

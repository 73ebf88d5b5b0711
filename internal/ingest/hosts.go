package ingest

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// HostReader reads the rows of a file in which each may be of another host.
type HostReader interface {
	Reader
	// Host returns the host of the row that was read last.
	Host() string
}

// maxHosts bounds the memory of Loaders: a file may name any number of hosts.
const maxHosts = 1024

// Hosts loads files in which each row may be of another host: with a Loader for
// each host, all of which together hold no more rows than one.
type Hosts struct {
	New  func(host string) *Loader
	Rows int   // how many rows one of them holds
	Past int   // see Loader
	Days *Days // of each of them

	loaders map[string]*Loader
	last    *Loader
	host    string // of last
	held    int    // at most
}

// Read reads a file as Loader.Read does.
func (h *Hosts) Read(ctx context.Context, file int, in HostReader) error {
	var row reportfile.Row
	h.Days.file()
	for {
		err := in.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := h.of(in.Host()).take(ctx, &row, err, Origin{int32(file), int32(in.Line())}); err != nil {
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
func (h *Hosts) full() bool {
	return len(h.loaders) > 1 && (h.held >= h.Rows/4 || len(h.loaders) > maxHosts)
}

// of returns the Loader of a host.
func (h *Hosts) of(host string) *Loader {
	if h.last != nil && h.host == host {
		return h.last
	}
	if h.loaders == nil || h.held == 0 {
		h.loaders = make(map[string]*Loader) // what was for another file is empty
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
func (h *Hosts) Flush(ctx context.Context) error {
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

package ingest

import (
	"context"
	"time"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/unpack"
)

// Files loads files of any kind, with rows of any hosts, as if they were one. Its
// user numbers the files. Its functions are called by the goroutine that calls Read
// and Flush.
type Files struct {
	Reader *FileReader
	Budget *Budget   // shared by all that load at once
	Rows   int       // of a chunk, more or less
	Days   int       // past days that a file may bring, see dayLimit
	Begin  time.Time // older rows are left out, and counted; zero for none
	Divide bool      // see loader

	Store    func(ctx context.Context, host string, rows *store.Rows) error
	HasDay   func(ctx context.Context, day time.Time) (bool, error)
	Reject   func(file int, line *reportfile.BadLine) error
	Postpone func(file int, line *reportfile.BadLine) error

	hosts   hostLoaders
	metrics map[int]bool // files of line protocol
}

// Read reads a file, of which the rows are of the given host where they name none,
// and stores whatever is too much to hold.
func (f *Files) Read(ctx context.Context, n int, in *unpack.Reader, host string) error {
	if f.metrics == nil {
		f.metrics = make(map[int]bool)
		f.hosts = hostLoaders{Rows: f.Rows, New: f.loader, Days: &dayLimit{Most: f.Days, Has: f.HasDay}}
	}
	f.Reader.Reset(in, host)
	f.metrics[n] = f.Reader.Metrics()
	return f.hosts.Read(ctx, n, f.Reader)
}

// Flush stores what is held.
func (f *Files) Flush(ctx context.Context) error { return f.hosts.Flush(ctx) }

// Metrics reports whether a file is line protocol.
func (f *Files) Metrics(n int) bool { return f.metrics[n] }

// Past returns how many rows from before Begin were left out since the last call.
func (f *Files) Past() (n int) {
	n, f.hosts.Past = f.hosts.Past, 0
	return n
}

// loader returns what loads the rows of a host.
func (f *Files) loader(host string) *loader {
	l := &loader{
		Rows: f.Rows, Most: reportMost, Divide: f.Divide, Days: f.hosts.Days, Reject: f.Reject, Postpone: f.Postpone,
		Text: func(n int, row *reportfile.Row) string { return f.Reader.Text(row, host, f.metrics[n]) },
		Store: func(ctx context.Context, rows *store.Rows) error {
			giveBack, err := f.Budget.Take(ctx, rows)
			if err != nil {
				return err
			}
			defer giveBack()
			return f.Store(ctx, host, rows)
		},
	}
	if !f.Begin.IsZero() {
		l.Begin = f.Begin.UnixNano()
	}
	return l
}

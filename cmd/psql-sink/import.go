package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/reportfile"
)

func importCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	j, o := new(ingest.Job), new(importOptions)
	o.define(flags, j)
	return &command.Command{
		Name: "import", Line: "store report files, each row once", Args: "FILE...", Flags: flags, Removed: oldSwitches(),
		About: `Imports report files into Postgres, each row exactly once: files that were
imported before, in part or as a whole, and files that overlap do no harm. FILE
may be a folder, for all the files in it, or - for standard input. Files may be
compressed with gzip or zstd, and may hold line protocol, as the spool's
rejected/metrics-*.txt do. Importing the same files again goes on where it ended.

The database is that of dsn in the configuration file, or of the PG* environment
variables, .pgpass and PGSERVICE. There is no switch for a password, which all
users of the machine could read. Of the configuration, retention, measurements and
host_tag count, too.
`,
		Codes: command.Codes{
			exitRejected:    "lines were rejected, all else is in",
			exitPast:        "rows were left out that retention has dropped, or would",
			exitSignal + 2:  "interrupted by SIGINT",
			exitSignal + 15: "interrupted by SIGTERM",
		},
		Examples: []command.Example{{Text: "psql-sink import -config /etc/telegraf/vpn_traffic.conf -host gw1 /var/lib/reports"}},
		Run: func(files []string) error {
			j.Files = files
			if err := checkImport(j); err != nil {
				return command.UsageError(err)
			}
			return c.importFiles(j, o)
		},
	}
}

// importOptions are the switches of psql-sink import that the job itself does not have.
type importOptions struct{ debug, past bool }

func (o *importOptions) define(flags *flag.FlagSet, j *ingest.Job) {
	flags.StringVar(&j.Host, "host", "", "store rows under the name of this `gateway` (column host) where neither the file's name nor its rows have one")
	flags.IntVar(&j.Parallel, "jobs", min(4, runtime.NumCPU()), "import this many `files` at once, by default one for each CPU, up to 4; with 1, files are imported strictly in the order of time")
	flags.Lookup("jobs").DefValue = "0" // not told: the manual page may be of another machine
	flags.IntVar(&j.Days, "days", ingest.NewDays, "accept this many past `days` of each file that the database has nothing of yet, and reject rows of further ones; 0 accepts all")
	flags.DurationVar(&j.Wait, "wait", time.Hour, "give up when the database has taken no rows for this long")
	flags.StringVar(&j.Rejected, "rejected", "", "write rejected lines to `file`, and those of line protocol to file.influx; neither may exist yet. Once repaired, both can be imported")
	flags.BoolVar(&o.past, pastRetention, false, "import rows even if they are older than the configured retention: a sink drops them within hours and keeps their sums")
	flags.BoolVar(&o.debug, "debug", false, "log debug messages too")
}

func checkImport(j *ingest.Job) error {
	if len(j.Files) == 0 {
		return errors.New("name files to import, or - for standard input")
	}
	for _, file := range j.Files {
		if file == "" || len(file) > 1 && file[0] == '-' {
			return fmt.Errorf("%q comes behind a file's name: switches come first, and a file of such a name is ./%s", file, file)
		}
	}
	switch err := reportfile.CheckHost(j.Host); {
	case err != nil:
		return fmt.Errorf("-host %q %w", j.Host, err)
	case j.Parallel < 1:
		return fmt.Errorf("-jobs %d: must be at least 1", j.Parallel)
	case j.Days < 0:
		return fmt.Errorf("-days %d: must not be negative", j.Days)
	case j.Wait < 0:
		return fmt.Errorf("-wait %v: must not be negative", j.Wait)
	}
	return nil
}

// oldSwitches says what to do instead of the older importer's.
func oldSwitches() map[string]string {
	const (
		database = "the older importer's switch; name the database by dsn in -config FILE or by PGHOST, PGDATABASE, PGUSER and .pgpass"
		spool    = "the older importer's switch; psql-sink watch does that"
	)
	return map[string]string{"-db": database, "-user": database, "-pass": database, "-watch": spool, "-move": spool}
}

// importFiles imports report files that the command line names.
func (c *client) importFiles(j *ingest.Job, o *importOptions) (err error) {
	if j.DB, err = c.open(); err != nil {
		return err
	}
	defer func() { _ = j.DB.Close() }()
	ctx, stop := importContext()
	defer stop()
	j.Metrics, j.Stdin, j.Stderr = c.sink.Converter(), c.Stdin, c.Stderr
	j.Logger = func(out io.Writer) telegraf.Logger { return execd.NewLogger(out, out, o.debug) }
	if !o.past {
		j.Retention = time.Duration(c.sink.Retention)
	}
	begin := time.Now()
	if err := j.Run(ctx); err != nil {
		return &command.Exit{Code: exitUsage, Err: err}
	}
	if _, err := fmt.Fprintln(c.Stdout, j.Summary(time.Since(begin))); err != nil {
		return &command.Exit{Code: exitFailed}
	}
	return &command.Exit{Code: exitCode(ctx, j.Outcome())}
}

func exitCode(ctx context.Context, outcome ingest.Outcome) int {
	if i, ok := errors.AsType[*interrupted](context.Cause(ctx)); ok {
		return exitSignal + int(i.signal)
	}
	return map[ingest.Outcome]int{ingest.Failed: exitFailed, ingest.Rejected: exitRejected, ingest.Past: exitPast}[outcome]
}

// interrupted is the error of an import that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i *interrupted) Error() string { return "interrupted: " + i.signal.String() }

// importContext returns a context that ends at the first SIGINT or SIGTERM. The
// second one ends the process.
func importContext() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() { // until a signal or stop
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal)
			cancel(&interrupted{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

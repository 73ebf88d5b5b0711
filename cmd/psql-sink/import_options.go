package main

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/reportfile"
)

const importAbout = `Imports report files into Postgres, each row exactly once: files that were
imported before, in part or as a whole, and files that overlap do no harm. FILE
may be a folder, for all the files in it, or - for standard input. Files may be
compressed with gzip or zstd, and may hold line protocol, as the spool's
rejected/metrics-*.txt do. Importing the same files again goes on where it ended.

The database is that of dsn in the configuration file, or of the PG* environment
variables, .pgpass and PGSERVICE. There is no switch for a password, which all
users of the machine could read.
`

const importCodes = `3 lines were rejected, all else is in
4 rows were left out that retention has dropped, or would
130, 143 interrupted by SIGINT, SIGTERM
`

// importOptions are what the command line says.
type importOptions struct {
	config, host, rejected string
	jobs, days             int
	wait                   time.Duration
	debug, past            bool
	files                  []string
}

func (o *importOptions) flags() *flag.FlagSet {
	flags := newFlags("import")
	flags.StringVar(&o.config, "config", "", "read dsn, retention, measurements and host_tag from `file`, a [[outputs.vpn_traffic]] table")
	flags.StringVar(&o.host, "host", "", "the `gateway` that made the files, for the column host, where a file's name does not tell")
	flags.IntVar(&o.jobs, "jobs", min(4, runtime.NumCPU()), "import so many files at once; with 1 they come strictly in the order of time")
	flags.IntVar(&o.days, "days", ingest.NewDays, "take so many past `days` of one file of which the database has nothing yet, and reject the others; 0 takes all")
	flags.DurationVar(&o.wait, "wait", time.Hour, "give up when the database takes nothing for so long")
	flags.StringVar(&o.rejected, "rejected", "", "write rejected lines to `file`, those of line protocol to file.influx, which must not exist; mended, they can be imported")
	flags.BoolVar(&o.past, pastRetention, false, "import rows though they are older than the configured retention, which drops them within hours and leaves their sums")
	flags.BoolVar(&o.debug, "debug", false, "log debug messages too")
	return flags
}

// parseImport reads the command line. When there is nothing to do it returns
// no options, but an exit code.
func parseImport(program execd.Program) (*importOptions, int) {
	o := new(importOptions)
	flags := o.flags()
	if err := oldSwitch(program.Args); err != nil {
		return nil, refuse(program, flags, err)
	}
	if code, done := parse(program, flags); done {
		return nil, code
	}
	o.files = flags.Args()
	if err := o.check(); err != nil {
		return nil, refuse(program, flags, err)
	}
	return o, importDone
}

func (o *importOptions) check() error {
	if len(o.files) == 0 {
		return errors.New("name files to import, or - for standard input")
	}
	for _, file := range o.files {
		if file == "" || len(file) > 1 && file[0] == '-' {
			return fmt.Errorf("%q comes behind a file's name: switches come first, and a file of such a name is ./%s", file, file)
		}
	}
	switch err := reportfile.CheckHost(o.host); {
	case err != nil:
		return fmt.Errorf("-host %q %w", o.host, err)
	case o.jobs < 1:
		return fmt.Errorf("-jobs %d: must be at least 1", o.jobs)
	case o.days < 0:
		return fmt.Errorf("-days %d: must not be negative", o.days)
	case o.wait < 0:
		return fmt.Errorf("-wait %v: must not be negative", o.wait)
	}
	return nil
}

// oldSwitch returns what to do instead when the arguments begin with one of the
// old importer's switches.
func oldSwitch(args []string) error {
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case arg == name: // no switch
		case name == "db", name == "user", name == "pass":
			return errors.New("-" + name + ": the older importer's switch; name the database by dsn in -config FILE or by PGHOST, PGDATABASE, PGUSER and .pgpass")
		case name == "watch", name == "move":
			return errors.New("-" + name + ": the older importer's switch; psql-sink watch does that")
		}
	}
	return nil
}

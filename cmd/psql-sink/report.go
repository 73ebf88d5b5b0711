package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/summary"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// reportOptions are those of psql-sink report.
type reportOptions struct {
	config, since, until, html string
	top                        int
	csv                        bool
	lines                      summary.Lines
	question                   store.Question
	choice                     summary.Choice
	given                      map[string]bool // switches
}

// showReport prints the traffic of a range, and returns the exit code.
func showReport(program execd.Program) int {
	o := &reportOptions{given: map[string]bool{}}
	flags := o.flags()
	if code, done := parse(program, flags); done {
		return code
	}
	flags.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	if err := o.check(time.Now()); err != nil {
		return refuse(program, flags, err)
	}
	if err := o.run(program); err != nil {
		execd.NewLogger(program.Stderr, program.Stderr, false).Error(err)
		return 1
	}
	return 0
}

func (o *reportOptions) flags() *flag.FlagSet {
	flags := newFlags("report")
	flags.StringVar(&o.config, "config", "", "read dsn from `file`, a [[outputs.vpn_traffic]] table; without it the PG* environment variables say where the database is")
	flags.StringVar(&o.since, "since", "1h", "`begin` of the range: 2006-01-02 15:04, an RFC 3339 time, a time of day, such as 03:00, or how long before -until, such as 90m, 15h or 7d")
	flags.StringVar(&o.until, "until", "0s", "`end` of the range, in the same forms; how long ago, where it is a duration")
	flags.IntVar(&o.top, "top", 10, "`rows` of each table; with -csv lines of each period, all without it")
	flags.StringVar(&o.question.Sort, "sort", "bytes", "`what` tells the greatest: "+anyOf(store.Sorts()))
	flags.StringVar(&o.html, "html", "", "write a page with charts to `file` too")
	flags.BoolVar(&o.csv, "csv", false, "print CSV (RFC 4180) instead: a header and lines of whole numbers")
	flags.StringVar(&o.lines.By, "by", "src", "with -csv, what has a `line`: total, src, dst, pair, service (protocol and port), proto, port or host")
	flags.StringVar(&o.lines.Each, "each", "", "with -csv, have lines for each `period`: "+anyOf(summary.Periods()))
	for name, list := range map[string]*[]string{"src": &o.choice.Src, "dst": &o.choice.Dst, "host": &o.choice.Host} {
		usage := "only traffic with this " + name + "; several `values` with commas between them"
		if name != "host" {
			usage += ": names, addresses, or networks for all that is in them"
		}
		flags.Func(name, usage, func(text string) error {
			*list = append(*list, text)
			return nil
		})
	}
	for name, list := range map[string]*[]string{"proto": &o.question.Proto, "port": &o.question.Port} {
		flags.Func(name, "only traffic with this "+name+"; several `values` with commas between them", func(text string) error {
			*list = append(*list, strings.Split(strings.ToLower(text), ",")...)
			return nil
		})
	}
	return flags
}

func (o *reportOptions) check(now time.Time) (err error) {
	if o.top < 1 {
		return fmt.Errorf("-top %d: must be at least 1", o.top)
	}
	if o.question.Until, err = parseMoment(o.until, now); err != nil {
		return fmt.Errorf("-until %w", err)
	}
	if o.question.Since, err = parseMoment(o.since, o.question.Until); err != nil {
		return fmt.Errorf("-since %w", err)
	}
	if err := numberPorts(o.question.Port); err != nil {
		return fmt.Errorf("-port %w", err)
	}
	if !o.question.Since.Before(o.question.Until) {
		return fmt.Errorf("-since %s is not before -until %s", o.since, o.until)
	}
	if !slices.Contains(store.Sorts(), o.question.Sort) {
		return fmt.Errorf("-sort %q is none of %s", o.question.Sort, anyOf(store.Sorts()))
	}
	return o.checkCSV()
}

func (o *reportOptions) checkCSV() error {
	switch {
	case !o.csv && (o.given["by"] || o.given["each"]):
		return errors.New("-by and -each are for -csv")
	case o.csv && o.html != "":
		return errors.New("-csv and -html are one report each")
	case store.LineColumns(o.lines.By) == nil:
		return fmt.Errorf("-by %q is none of total, src, dst, pair, service, proto, port and host", o.lines.By)
	case o.given["each"] && !slices.Contains(summary.Periods(), o.lines.Each):
		return fmt.Errorf("-each %q is none of %s", o.lines.Each, anyOf(summary.Periods()))
	}
	if o.given["top"] {
		o.lines.Top = o.top
	}
	return nil
}

func anyOf(list []string) string {
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

func (o *reportOptions) run(program execd.Program) error {
	sink := vpn_traffic.New()
	if o.config != "" {
		if err := execd.LoadConfig(o.config, "outputs", program.Name, program.LookupEnv, sink); err != nil {
			return err
		}
	}
	db, err := store.Open(sink.DSN)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	notes, err := summary.Choose(ctx, db, &o.question, o.choice)
	if err != nil {
		return err
	}
	tell := func(level string, notes []string) {
		for _, note := range notes {
			_, _ = fmt.Fprintf(program.Stderr, "%s %s\n", level, printable.Line(note))
		}
	}
	tell("I!", notes)
	if o.csv {
		notes, err := o.lines.CSV(ctx, db, o.question, program.Stdout)
		tell("W!", notes)
		return err
	}
	s, err := summary.Make(ctx, db, o.question, o.top)
	if err != nil {
		return err
	}
	if o.html != "" {
		if err := writePage(s, o.html); err != nil {
			return err
		}
	}
	if err := s.Print(program.Stdout, widthOf(program.Stdout)); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// widthOf is how many cells a line of a terminal has, 0 for what is none: a file has
// room for all.
func widthOf(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case size.Col == 0: // such as that of a serial line
		return 80
	}
	return int(size.Col)
}

// writePage writes the page under another name first: whoever looks at an
// earlier one never sees half of the next. Who may read it is up to the umask.
func writePage(s *summary.Summary, name string) error {
	half := filepath.Join(filepath.Dir(name), fmt.Sprintf(".report-%016x.html", rand.Uint64()))
	file, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // it is gone when all went well
	if err := errors.Join(s.HTML(file), file.Close()); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

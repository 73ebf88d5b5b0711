package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/summary"
)

// reportOptions are the switches of psql-sink report.
type reportOptions struct {
	since, until, html string
	top                int
	csv                bool
	lines              summary.Lines
	wanted
	given map[string]bool // switches
}

func reportCommand(host execd.Program) *command.Command {
	c, flags := newClient(host)
	o := &reportOptions{given: map[string]bool{}}
	o.define(flags)
	return &command.Command{
		Name: "report", Line: "show the traffic of a range", Flags: flags,
		About: `Prints the top sources, destinations, pairs and ports of a range, and writes a page
with charts if asked to. With -csv it prints whole numbers for other programs, such
as the bill of a customer, a line for each day of a month.

It changes nothing. To find no traffic is not an error; to ask for a source,
destination or gateway that was never stored is.
`,
		Examples: []command.Example{
			{Title: "the last 15 hours with charts", Text: "psql-sink report -config /etc/telegraf/vpn_traffic.conf -since 15h -html report.html"},
			{Title: "a bill", Text: "psql-sink report -config /etc/telegraf/vpn_traffic.conf -csv -each day -by total \\\n    -src 10.77.1.0 -since 2026-10-01 -until 2026-11-01"},
		},
		Run: func([]string) error {
			flags.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
			if err := o.check(time.Now()); err != nil {
				return command.UsageError(err)
			}
			return c.run(func(ctx context.Context, db *store.DB) error { return o.run(ctx, db, host) })
		},
	}
}

// define defines the switches.
func (o *reportOptions) define(flags *flag.FlagSet) {
	flags.StringVar(&o.since, "since", "1h", "`begin` of the range: 2006-01-02 15:04, an RFC 3339 time, a time of day, such as 03:00, or how long before -until, such as 90m, 15h or 7d")
	flags.StringVar(&o.until, "until", "0s", "`end` of the range, in the same forms; a duration is how long ago")
	flags.IntVar(&o.top, "top", 10, "number of `rows` in each table; with -csv, of lines in each period (default: all)")
	command.Choice(flags, &o.filter.Sort, "sort", "bytes", store.Sorts(), "rank by `what`")
	flags.StringVar(&o.html, "html", "", "write a page with charts to `file` too")
	flags.BoolVar(&o.csv, "csv", false, "print CSV (RFC 4180) instead: a header and lines of whole numbers")
	command.Choice(flags, &o.lines.By, "by", "src", store.Dimensions(), "with -csv, print a `line` for each of these (a service is protocol and port)")
	command.Choice(flags, &o.lines.Each, "each", "", summary.Periods(), "with -csv, print lines for each `period`")
	o.wanted.define(flags)
}

func (o *reportOptions) check(now time.Time) (err error) {
	if o.top < 1 {
		return fmt.Errorf("-top %d: must be at least 1", o.top)
	}
	if o.filter.Until, err = parseMoment(o.until, now); err != nil {
		return fmt.Errorf("-until %w", err)
	}
	if o.filter.Since, err = parseMoment(o.since, o.filter.Until); err != nil {
		return fmt.Errorf("-since %w", err)
	}
	if err := o.wanted.check(); err != nil {
		return err
	}
	if !o.filter.Since.Before(o.filter.Until) {
		return fmt.Errorf("-since %s is not before -until %s", o.since, o.until)
	}
	return o.checkCSV()
}

func (o *reportOptions) checkCSV() error {
	switch {
	case !o.csv && (o.given["by"] || o.given["each"]):
		return errors.New("-by and -each are for -csv")
	case o.csv && o.html != "":
		return errors.New("-csv and -html are one report each")
	}
	if o.given["top"] {
		o.lines.Top = o.top
	}
	return nil
}

func (o *reportOptions) run(ctx context.Context, db *store.DB, program execd.Program) error {
	if err := o.find(ctx, db, program.Stderr); err != nil {
		return err
	}
	if o.csv {
		notes, err := o.lines.CSV(ctx, db, o.filter, program.Stdout)
		tell(program.Stderr, "W!", notes)
		return err
	}
	s, err := summary.Make(ctx, db, o.filter, o.top)
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

// widthOf returns how many cells a line of the terminal has, 0 if out is no terminal:
// lines of a file may have any length.
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

// writePage writes the page under a temporary name first, so that readers of an earlier
// page never see half of the new one. The umask decides who may read it.
func writePage(s *summary.Summary, name string) error {
	half := filepath.Join(filepath.Dir(name), fmt.Sprintf(".report-%016x.html", rand.Uint64()))
	file, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // renamed already, unless something failed
	if err := errors.Join(s.HTML(file), file.Close()); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// parseMoment parses a time, or a duration before another time. A time of day means its
// last occurrence that is not after that other time.
func parseMoment(text string, before time.Time) (time.Time, error) {
	days := 0
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) && days >= 0 {
		return before.AddDate(0, 0, -days), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return before.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return lastTimeOfDay(at, before.Local()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time, such as 2006-01-02 15:04 or 15:04, nor how long ago, such as 90m or 7d", text)
}

func lastTimeOfDay(at, before time.Time) time.Time {
	year, month, day := before.Date()
	hour, minute, second := at.Clock()
	last := time.Date(year, month, day, hour, minute, second, 0, time.Local)
	if last.After(before) {
		last = time.Date(year, month, day-1, hour, minute, second, 0, time.Local)
	}
	return last
}

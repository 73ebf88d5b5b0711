package check

import (
	"context"
	"flag"
	"os"
	"time"

	"telegraf-conntrack-accounting/internal/command"
)

// limit is how long a check may take. A little is left for what does not answer to
// notice that the time is over.
const limit = 8 * time.Second

// Codes are the exit codes of a command that checks.
func Codes() command.Codes {
	return command.Codes{
		int(OK):      "all is as it should be",
		int(Warning): "there are warnings",
		int(Failure): "there are failures, or the command line is wrong",
	}
}

// About is what a command that checks says of its output.
const About = `Each finding is a line: OK, WARNING or FAILURE, its name, what is so, and what to do about
it, with a command where there is one. It changes nothing and takes ten seconds at
most. On a terminal the first word is coloured, unless NO_COLOR is set.
`

// Output is how a command that checks prints what it finds.
type Output struct{ json bool }

// AddFlag adds the switch -json.
func (o *Output) AddFlag(flags *flag.FlagSet) {
	flags.BoolVar(&o.json, "json", false, "print JSON: the worst level, and of each finding its name, level, what is so, remedy and command")
}

// Run finds, prints, and returns the exit code as an error.
func (o *Output) Run(out *os.File, find func(context.Context) []Finding) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	findings := find(ctx)
	show := Show
	if o.json {
		show = ShowJSON
	}
	if err := show(out, findings); err != nil {
		return &command.Exit{Code: int(Failure), Err: err}
	}
	return &command.Exit{Code: int(Worst(findings))}
}

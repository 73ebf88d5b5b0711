package check

import (
	"context"
	"flag"
	"os"
	"time"

	"telegraf-conntrack-accounting/internal/command"
)

// limit bounds how long the parts of a check may take. It leaves a little of the
// promised ten seconds for parts to notice that their context has ended.
const limit = 8 * time.Second

// Codes are the exit codes of a command that checks.
func Codes() command.Codes {
	return command.Codes{
		int(OK):      "all is as it should be",
		int(Warning): "there are warnings",
		int(Failure): "there are failures, or the command line is wrong",
	}
}

// About describes the output of a command that checks, for its help.
const About = `Each finding is one line: OK, WARNING or FAILURE, its name, what was found, and the
remedy, with a command if there is one. The check changes nothing and takes ten seconds
at most. On a terminal, the first word is coloured, unless NO_COLOR is set.
`

// Output is how a command that checks prints what it finds.
type Output struct{ json bool }

// AddFlag adds the switch -json.
func (o *Output) AddFlag(flags *flag.FlagSet) {
	flags.BoolVar(&o.json, "json", false, "print JSON: the worst level, and for each finding its name, level, what was found, remedy and command")
}

// Run calls find with a context that ends after limit, prints the findings to out, and
// returns the exit code as a [command.Exit].
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

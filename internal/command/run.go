package command

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"telegraf-conntrack-accounting/internal/printable"
)

// Exit is an error with an exit code of its own. Without Err nothing is printed.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Exit) Unwrap() error { return e.Err }

// UsageError returns what a command returns when its command line is wrong.
func UsageError(err error) error { return &Exit{Usage, err} }

// Run runs the command that the arguments name, prints its error, and returns the exit
// code.
func (p *Program) Run(args []string) int {
	version := p.Main.Flags.Bool("version", false, "print the version and exit")
	c, args, err := p.choose(args)
	if c.Finish != nil {
		defer c.Finish()
	}
	if err == nil {
		err = p.parse(c, args)
	}
	switch {
	case err != nil:
	case *version:
		err = p.print(p.Version + "\n")
	default:
		err = c.Run(c.Flags.Args())
	}
	return p.report(c, err)
}

// choose returns the command that the arguments name, and the rest of them.
func (p *Program) choose(args []string) (*Command, []string, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return p.Main, args, nil
	}
	c, err := p.find(args[0])
	if err != nil {
		return p.Main, nil, err
	}
	return c, args[1:], nil
}

func (p *Program) find(name string) (*Command, error) {
	var names []string
	for _, c := range p.named() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return nil, UsageError(fmt.Errorf("there is no command %q%s", name, guess(Nearest(name, names))))
}

// parse sets the switches of a command.
func (p *Program) parse(c *Command, args []string) error {
	err := c.Flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		unknown, _ := strings.CutPrefix(err.Error(), "flag provided but not defined: ")
		if instead := c.Removed[unknown]; instead != "" {
			return UsageError(fmt.Errorf("%s: %s", unknown, instead))
		}
		if near := Nearest(strings.TrimPrefix(unknown, "-"), c.switches()); near != "" {
			return UsageError(fmt.Errorf("%w%s", err, guess("-"+near)))
		}
		return UsageError(err)
	case c.Args == "" && c.Flags.NArg() > 0:
		return UsageError(fmt.Errorf("unexpected argument %q", c.Flags.Arg(0)))
	}
	return nil
}

// switches returns the names of a command's switches.
func (c *Command) switches() []string {
	list := []string{"help"}
	c.Flags.VisitAll(func(f *flag.Flag) { list = append(list, f.Name) })
	return list
}

func guess(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", name)
}

// report prints an error, or the help that was asked for, and returns the exit code.
func (p *Program) report(c *Command, err error) int {
	exit := &Exit{Code: Failed, Err: err}
	switch {
	case err == nil:
		return Done
	case errors.Is(err, flag.ErrHelp):
		return p.report(c, p.print(p.help(c)))
	case errors.As(err, &exit) && exit.Err == nil:
		return exit.Code
	case exit.Code == Usage:
		err = fmt.Errorf("%w; see %s -help", err, strings.TrimSpace(p.Name+" "+c.Name))
	}
	for _, finding := range findings(err) {
		_, _ = fmt.Fprintf(p.Stderr, "E! %s\n", printable.Line(finding.Error()))
	}
	return exit.Code
}

// findings returns the errors that were joined.
func findings(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, one := range joined.Unwrap() {
		list = append(list, findings(one)...)
	}
	return list
}

func (p *Program) print(text string) error {
	_, err := fmt.Fprint(p.Stdout, text)
	return err
}

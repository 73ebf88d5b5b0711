// Package command describes what a program can do as values. The command line,
// help, completions for shells and the manual page are all made from these.
//
// Switches are those of package flag: -config and --config are the same.
package command

import (
	"cmp"
	"flag"
	"io"
	"maps"
	"slices"
)

// The exit codes of every command.
const (
	Done   = 0
	Failed = 1
	Usage  = 2 // the command line is wrong
)

// A Program has commands, and something that it does without one.
type Program struct {
	Name    string
	Version string
	Line    string // what it is, in one line

	Main     *Command
	Commands []*Command

	Stdout, Stderr io.Writer
}

// A Command is one thing that a program does.
type Command struct {
	Name  string // "" for Program.Main
	Line  string // what it does, for a list of commands
	About string // what it does, in paragraphs; the last one ends its line

	Args  string   // what follows the switches, such as "FILE..."; "" for nothing
	Words []string // what may stand for Args, where these are not files
	Flags *flag.FlagSet

	Removed map[string]string // switches that were removed, and what to use instead

	Codes    Codes // exit codes with another meaning than usual
	Examples []Example

	Run func(args []string) error

	// Finish, if set, is called when all is printed, after a wrong command line too.
	Finish func()
}

// Codes are exit codes with their meanings.
type Codes map[int]string

// An Example has a title, or is the only one.
type Example struct{ Title, Text string }

// NewFlags returns a set of switches without any.
func NewFlags() *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // Program prints errors and help
	return flags
}

// exitCodes returns all exit codes of a command, in order, and their meanings.
func (c *Command) exitCodes() ([]int, Codes) {
	all := Codes{Done: "done", Failed: "something failed; stderr has the reason", Usage: "the command line is wrong"}
	maps.Copy(all, c.Codes)
	return slices.Sorted(maps.Keys(all)), all
}

// named returns the commands that have a name, in order.
func (p *Program) named() []*Command {
	list := slices.Concat(p.Commands, p.own())
	slices.SortFunc(list, func(a, b *Command) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

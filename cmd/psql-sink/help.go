package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"telegraf-conntrack-accounting/internal/execd"
)

// exitUsage is the exit code for a wrong command line, of all commands.
const exitUsage = 2

// about comes before the flags of psql-sink itself.
const about = `Stores conntrack accounting in Postgres: it reads metrics from stdin, keeps them in
a spool, and ends when stdin does.
`

// more comes after them.
func more() string {
	var text strings.Builder
	text.WriteString(`
Example, for telegraf.conf:
  [[outputs.execd]]
    command = ["/usr/local/bin/psql-sink", "-config", "/etc/telegraf/vpn_traffic.conf"]

psql-sink COMMAND does something else; psql-sink help COMMAND tells more:
`)
	for _, m := range manuals() {
		fmt.Fprintf(&text, "  %-9s%s\n", m.name, m.line)
	}
	return text.String()
}

// newFlags returns the flags of a command, for parse.
func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // parse tells it
	return flags
}

// parse reads the command line. When there is nothing to do, because help was
// asked for or the line is wrong, it is done and returns the exit code.
func parse(program execd.Program, flags *flag.FlagSet) (code int, done bool) {
	err := flags.Parse(program.Args)
	if errors.Is(err, flag.ErrHelp) {
		return manualOf(flags.Name()).print(program.Stdout, flags), true
	}
	if err == nil && flags.NArg() > 0 && manualOf(flags.Name()).args == "" {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return refuse(program, flags, err), true
	}
	return 0, false
}

// refuse says what is wrong with the command line.
func refuse(program execd.Program, flags *flag.FlagSet, err error) int {
	text := strings.ReplaceAll(err.Error(), "\n", ": ")
	_, _ = fmt.Fprintf(program.Stderr, "E! %s; psql-sink %s -help tells more\n", text, flags.Name())
	return exitUsage
}

func (m *manual) print(w io.Writer, flags *flag.FlagSet) int {
	var text strings.Builder
	text.WriteString(strings.TrimSpace("psql-sink "+m.name+" [switches] "+m.args) + "\n\n" + m.about)
	codes := "0 done\n1 something failed, as said on stderr\n2 the command line is wrong\n" + m.codes
	text.WriteString("\nExit codes:\n  " + strings.ReplaceAll(strings.TrimSpace(codes), "\n", "\n  ") + "\n")
	text.WriteString("\nExample:\n  " + m.example + "\n\nSwitches:\n")
	flags.SetOutput(&text)
	flags.PrintDefaults()
	if _, err := io.WriteString(w, text.String()); err != nil {
		return 1
	}
	return 0
}

// unknown says what may have been meant by a command that there is not.
func unknown(program execd.Program, name string) int {
	names := []string{"help", "version"}
	for _, m := range manuals() {
		names = append(names, m.name)
	}
	guess := ""
	if near := execd.Nearest(name, names); near != "" {
		guess = fmt.Sprintf("; did you mean %q?", near)
	}
	_, _ = fmt.Fprintf(program.Stderr, "E! there is no command %q%s; psql-sink help lists them\n", name, guess)
	return exitUsage
}

// Command execd-plugin runs the input plugin conntrack_accounting under
// Telegraf's inputs.execd. It is installed as telegraf-conntrack-accounting.
package main

import (
	"fmt"
	"os"

	"github.com/influxdata/telegraf/plugins/inputs"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/sandbox"
	// Registers the plugin.
	_ "telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

const (
	name   = "telegraf-conntrack-accounting"
	plugin = "conntrack_accounting"
	sink   = "psql-sink" // which Telegraf may run beside it
)

// version and commit are set by the linker: -ldflags "-X main.version=1.2.3".
var version, commit string

func main() {
	if err := sandbox.Drop(needed(os.Args[1:])...); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "W!", err)
	}
	host := execd.Process(plugin)
	host.Command, host.About, host.Examples, host.Started = name, about, examples(), confine
	input := execd.Input{Program: host, New: inputs.Inputs[plugin]}
	program := &command.Program{
		Name: name, Version: plugin + " " + execd.Version(version, commit),
		Line:     "account the traffic of the Linux conntrack table for Telegraf",
		Main:     execd.InputCommand(input),
		Commands: []*command.Command{execd.InputCheckCommand(input, sink)},
		Stdout:   host.Stdout, Stderr: host.Stderr,
	}
	os.Exit(program.Run(os.Args[1:]))
}

const about = `Accounts the traffic of the Linux conntrack table. It writes metrics to stdout for each
newline on stdin, and ends at the end of stdin.
`

func examples() []command.Example {
	return []command.Example{
		{Title: "a look at this moment (as root)", Text: "telegraf-conntrack-accounting -one-shot"},
		{Title: "for telegraf.conf", Text: `[[inputs.execd]]
  command = ["/usr/local/bin/telegraf-conntrack-accounting", "-config", "/etc/telegraf/conntrack_accounting.conf"]
  signal = "STDIN"`},
	}
}

// Command execd-plugin runs the input plugin conntrack_accounting under
// Telegraf's inputs.execd.
package main

import (
	"os"

	"github.com/influxdata/telegraf/plugins/inputs"

	"telegraf-conntrack-accounting/internal/execd"
	// Registers the plugin.
	_ "telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

const plugin = "conntrack_accounting"

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	program := execd.Process(plugin, execd.Version(version))
	program.About, program.More = about, example
	os.Exit(execd.RunInput(execd.Input{
		Program: program,
		New:     inputs.Inputs[plugin],
	}))
}

const about = `Accounts the traffic of the Linux conntrack table: it writes metrics to stdout each
time a newline comes on stdin, and ends when stdin does.
`

const example = `
Example, a look at this moment (as root):
  execd-plugin -one-shot

Example, for telegraf.conf:
  [[inputs.execd]]
    command = ["/usr/local/bin/execd-plugin", "-config", "/etc/telegraf/conntrack_accounting.conf"]
    signal = "STDIN"
`

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
	os.Exit(execd.RunInput(execd.Input{
		Program: execd.Process(plugin, execd.Version(version)),
		New:     inputs.Inputs[plugin],
	}))
}

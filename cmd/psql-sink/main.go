// Command psql-sink stores conntrack accounting in Postgres. Under Telegraf's
// outputs.execd it reads metrics from stdin:
//
//	psql-sink -config /etc/telegraf/vpn_traffic.conf
//
// Alone it imports the report files that others put into its spool:
//
//	psql-sink watch -config /etc/telegraf/vpn_traffic.conf
package main

import (
	"os"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

const plugin = "vpn_traffic"

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	program := execd.Process(plugin, execd.Version(version))
	if len(program.Args) > 0 && program.Args[0] == "watch" {
		program.Args = program.Args[1:]
		os.Exit(watch(program))
	}
	os.Exit(execd.RunOutput(execd.Output{
		Program: program,
		New:     func() telegraf.Output { return vpn_traffic.New() },
	}))
}

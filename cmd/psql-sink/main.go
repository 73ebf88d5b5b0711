// Command psql-sink stores conntrack accounting in Postgres. Under Telegraf's
// outputs.execd it reads metrics from stdin:
//
//	psql-sink -config /etc/telegraf/vpn_traffic.conf
//
// Alone it imports the report files that others put into its spool:
//
//	psql-sink watch -config /etc/telegraf/vpn_traffic.conf
//
// Where it may not make its tables itself, their owner does:
//
//	psql-sink migrate -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner'
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
	if len(program.Args) > 0 {
		command, rest := program.Args[0], program
		rest.Args = program.Args[1:]
		switch command {
		case "watch":
			os.Exit(watch(rest))
		case "migrate":
			os.Exit(migrate(rest))
		}
	}
	os.Exit(execd.RunOutput(execd.Output{
		Program: program,
		New:     func() telegraf.Output { return vpn_traffic.New() },
	}))
}

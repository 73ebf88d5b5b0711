// Command psql-sink stores conntrack accounting in Postgres. Under Telegraf's
// outputs.execd it reads metrics from stdin:
//
//	psql-sink -config /etc/telegraf/vpn_traffic.conf
//
// Alone it imports the report files that others put into its spool:
//
//	psql-sink watch -config /etc/telegraf/vpn_traffic.conf
//
// or those that the command line names:
//
//	psql-sink import -config /etc/telegraf/vpn_traffic.conf FILE...
//
// It also verifies and repairs rollups (psql-sink verify) and upgrades the
// table of the old importer (psql-sink upgrade).
//
// Where it may not make its tables itself, their owner does:
//
//	psql-sink migrate -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner'
//
// And it shows what is stored:
//
//	psql-sink report -config /etc/telegraf/vpn_traffic.conf -since 15h -html report.html
package main

import (
	"os"
	"strings"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

const plugin = "vpn_traffic"

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	ingest.LimitMemory()
	program := execd.Process(plugin, execd.Version(version))
	program.About, program.More = about, more()
	os.Exit(start(program))
}

func start(program execd.Program) int {
	name, rest := "", program.Args
	if len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	if name == "help" && len(rest) > 0 && rest[0] != "help" && rest[0] != "version" {
		name, rest = rest[0], []string{"-help"}
		if manualOf(name) == nil {
			return unknown(program, name)
		}
	}
	if m := manualOf(name); m != nil {
		program.Args = rest
		return m.run(program)
	}
	if name != "help" && name != "version" && !strings.HasPrefix(name, "-") && len(program.Args) > 0 {
		return unknown(program, name)
	}
	return execd.RunOutput(execd.Output{
		Program: program,
		New:     func() telegraf.Output { return vpn_traffic.New() },
	})
}

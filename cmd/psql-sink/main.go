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

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/loader"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

const plugin = "vpn_traffic"

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	loader.LimitMemory()
	program := execd.Process(plugin, execd.Version(version))
	program.More = subcommandHelp
	if len(program.Args) > 0 {
		if run, found := subcommands()[program.Args[0]]; found {
			program.Args = program.Args[1:]
			os.Exit(run(program))
		}
	}
	os.Exit(execd.RunOutput(execd.Output{
		Program: program,
		New:     func() telegraf.Output { return vpn_traffic.New() },
	}))
}

const subcommandHelp = `
psql-sink COMMAND does something else; psql-sink COMMAND -help tells more:

  import   store report files, each row once
  migrate  make the tables, as their owner, and grant rights to them
  report   show the traffic of a range
  upgrade  bring the rows of the older importer's table over
  verify   compare the sums with the rows, and repair them
  watch    store report files as they are put into the spool
`

// subcommands are what psql-sink does besides reading metrics. Each returns the
// exit code.
func subcommands() map[string]func(execd.Program) int {
	return map[string]func(execd.Program) int{
		"import":  importFiles,
		"migrate": migrate,
		"report":  showReport,
		"upgrade": upgrade,
		"verify":  verify,
		"watch":   watch,
	}
}

// Command psql-sink stores conntrack accounting in Postgres. Under Telegraf's
// outputs.execd it reads metrics from stdin:
//
//	psql-sink -config /etc/telegraf/vpn_traffic.conf
//
// Its commands import report files, report what is stored, and maintain the tables:
// psql-sink help lists them.
package main

import (
	"fmt"
	"os"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/sandbox"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

const plugin = "vpn_traffic"

// The exit codes.
const (
	exitFailed   = command.Failed
	exitUsage    = command.Usage
	exitRejected = 3   // lines were rejected, all else is in
	exitPast     = 4   // rows were left out that retention has dropped, or would
	exitSignal   = 128 // and the number of the signal
)

// version and commit are set by the linker: -ldflags "-X main.version=1.2.3".
var version, commit string

func main() {
	if err := sandbox.Drop(needed(os.Args[1:])...); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "W!", err)
	}
	ingest.LimitMemory()
	host := execd.Process(plugin)
	host.Started = confine
	os.Exit(newProgram(host).Run(os.Args[1:]))
}

// newProgram describes all that psql-sink does.
func newProgram(host execd.Program) *command.Program {
	host.About, host.Examples = about, []command.Example{{Title: "for telegraf.conf", Text: example}}
	return &command.Program{
		Name: "psql-sink", Version: plugin + " " + execd.Version(version, commit),
		Line: "store conntrack accounting in Postgres",
		Main: execd.OutputCommand(execd.Output{Program: host, New: func() telegraf.Output { return vpn_traffic.New() }}),
		Commands: []*command.Command{
			checkCommand(host), forgetCommand(host), importCommand(host), listenCommand(host), migrateCommand(host), reportCommand(host),
			topCommand(host), upgradeCommand(host), verifyCommand(host), watchCommand(host),
		},
		Stdout: host.Stdout, Stderr: host.Stderr,
	}
}

const about = `Stores conntrack accounting in Postgres: it reads metrics from stdin, keeps them in
a spool, and ends when stdin does.
`

const example = `[[outputs.execd]]
  command = ["/usr/local/bin/psql-sink", "-config", "/etc/telegraf/vpn_traffic.conf"]`

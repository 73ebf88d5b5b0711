package execd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/influxdata/telegraf/models"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/command"
)

// checker is an input that can find out what keeps it from working. Check takes the
// place of Init.
type checker interface {
	Check(ctx context.Context, by check.User) []check.Finding
	Metrics() (now, most, names int) // of a gather, known after Check
}

// InputCheckCommand describes the command that checks the set-up of an input. With
// -telegraf it also checks what Telegraf's configuration has for the input and for the
// program named sink.
func InputCheckCommand(in Input, sink string) *command.Command {
	var config, telegraf, user string
	var output check.Output
	flags := command.NewFlags()
	flags.StringVar(&config, "config", "", "read the plugin's configuration from `file`; without it, every option has its default")
	flags.StringVar(&telegraf, "telegraf", "", "also check Telegraf's configuration: this `file`, and the folder telegraf.d beside it")
	flags.StringVar(&user, "user", "", "check that this `user` can use the files; by default, the user who runs the check, or telegraf, if it exists, for root")
	output.AddFlag(flags)
	return &command.Command{
		Name: "check", Line: "check the set-up: kernel, lists, state, Telegraf", Flags: flags,
		About: `Checks what must hold for traffic to be counted: the configuration, the capability,
what the kernel tracks and counts, sysctls, now and at boot, the lists, the folders of
state_file and report_directory, and with -telegraf Telegraf's configuration. Telegraf
need not run.

` + check.About,
		Codes:    check.Codes(),
		Examples: []command.Example{{Text: in.Command + " check -config /etc/telegraf/conntrack_accounting.conf -telegraf /etc/telegraf/telegraf.conf"}},
		Run: func([]string) error {
			by, err := check.UserNamed(user)
			if err != nil {
				return command.UsageError(err)
			}
			return output.Run(in.Stdout, func(ctx context.Context) []check.Finding {
				found, metrics := in.check(ctx, config, by)
				if telegraf != "" {
					found = append(found, checkTelegraf(telegraf, in.LookupEnv, checkInput(in.Command, metrics), checkOutput(sink))...)
				}
				return found
			})
		},
	}
}

// checkOnly is what the switch -check does.
func (in Input) checkOnly(o options) int {
	by, err := check.UserNamed("")
	if err == nil {
		err = new(check.Output).Run(in.Stdout, func(ctx context.Context) []check.Finding {
			found, _ := in.check(ctx, o.config, by)
			return found
		})
	}
	if exit, ok := errors.AsType[*command.Exit](err); ok {
		return exit.Code
	}
	return int(check.Failure)
}

// metrics are those of a gather: of the table as it is, and the most there can be. Each of
// the names has all of the traffic.
type metrics struct{ now, most, names int }

// check returns the findings about the plugin itself. The plugin's warnings about its
// options become findings, too.
func (in Input) check(ctx context.Context, config string, by check.User) (found []check.Finding, m metrics) {
	plugin := in.New()
	known, ok := plugin.(checker)
	if !ok {
		return []check.Finding{check.Failf("plugin", "%s cannot be checked", in.Name)}, m
	}
	var warnings bytes.Buffer
	models.SetLoggerOnPlugin(plugin, NewLogger(io.Discard, &warnings, false))
	if config != "" {
		if err := LoadConfig(config, inputKind, in.Name, in.LookupEnv, plugin); err != nil {
			return []check.Finding{check.Failf("configuration", "%v", err).Do("correct it")}, m
		}
		if file := by.File("configuration", config); file.Level != check.OK {
			found = append(found, file)
		}
	}
	found = append(found, known.Check(ctx, by)...)
	for line := range strings.Lines(warnings.String()) {
		found = append(found, check.Warnf("configuration", "%s", strings.TrimSpace(line[len("W! "):])))
	}
	m.now, m.most, m.names = known.Metrics()
	return found, m
}

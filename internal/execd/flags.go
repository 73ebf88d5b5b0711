package execd

import (
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/command"
)

// options are the switches of a hosted plugin.
type options struct {
	config       string
	debug        bool
	sampleConfig bool
	oneShot      bool
	check        bool
	pollInterval time.Duration // 0: gather on request only
}

// command describes what the program does under Telegraf. Run is called with the
// options that the command line sets.
func (p Program) command(kind string, run func(options) int) *command.Command {
	var o options
	flags := command.NewFlags()
	flags.StringVar(&o.config, "config", "", "read the plugin's configuration from `file`; without it, every option has its default")
	flags.BoolVar(&o.debug, "debug", false, "log debug messages too")
	flags.BoolVar(&o.sampleConfig, "sample-config", false, "print a sample configuration and exit")
	if kind == inputKind {
		flags.BoolVar(&o.oneShot, "one-shot", false, "gather once, without waiting for Telegraf, and exit")
		flags.BoolVar(&o.check, "check", false, "check the set-up and exit, like the command check and with its exit codes")
		flags.DurationVar(&o.pollInterval, "poll_interval", 0, "gather at each `interval`, such as 15s, without being asked: for signal = \"none\" in Telegraf, or to run without Telegraf, until SIGTERM")
	}
	return &command.Command{
		About: p.About, Flags: flags, Examples: p.Examples,
		Codes: command.Codes{
			command.Done:   "ended as requested",
			command.Failed: "something failed; the log has the reason, and Telegraf starts it again",
		},
		Run: func([]string) error {
			if o.pollInterval < 0 {
				return command.UsageError(fmt.Errorf("-poll_interval %v: want more than 0", o.pollInterval))
			}
			return &command.Exit{Code: run(o)} // the log has the reason
		},
		Finish: func() { closeDrained(p.Stdout, p.Stderr) },
	}
}

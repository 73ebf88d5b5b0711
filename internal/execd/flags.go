package execd

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
)

// options are the command line's flags.
type options struct {
	config                      string
	oneShot, debug              bool
	help, version, sampleConfig bool
	pollInterval                time.Duration // 0: gather on request only
}

// parseFlags reads the command line and returns the flags' descriptions too.
func parseFlags(name, kind string, args []string) (options, string, error) {
	var o options
	var usage strings.Builder
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(&usage)
	flags.Usage = func() {}
	flags.StringVar(&o.config, "config", "", "read the plugin's configuration from `file`; without it every setting has its default")
	flags.BoolVar(&o.debug, "debug", false, "log debug messages too")
	flags.BoolVar(&o.sampleConfig, "sample-config", false, "print a sample configuration and exit")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	if kind == inputKind {
		flags.BoolVar(&o.oneShot, "one-shot", false, "gather once, without waiting for Telegraf, and exit")
		flags.DurationVar(&o.pollInterval, "poll_interval", 0, "gather by itself each `interval`, such as 15s: under Telegraf with signal = \"none\", or without Telegraf, until SIGTERM")
	}
	if len(args) > 0 && (args[0] == "help" || args[0] == "version") {
		args = append([]string{"-" + args[0]}, args[1:]...)
	}
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		o.help, err = true, nil
	} else if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	} else if err == nil && o.pollInterval < 0 {
		err = fmt.Errorf("-poll_interval %v: want more than 0", o.pollInterval)
	}
	usage.Reset()
	flags.PrintDefaults()
	return o, usage.String(), err
}

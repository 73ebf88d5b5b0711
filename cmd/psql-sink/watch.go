package main

import (
	"context"
	"flag"
	"fmt"
	"os/signal"
	"syscall"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// watch imports what is put into the spool, until SIGTERM or SIGINT, and
// returns the exit code.
func watch(program execd.Program) int {
	flags := flag.NewFlagSet("psql-sink watch", flag.ContinueOnError)
	flags.SetOutput(program.Stderr)
	config := flags.String("config", "", "read the configuration from `file`, a [[outputs.vpn_traffic]] table; without it every setting has its default")
	debug := flags.Bool("debug", false, "log debug messages too")
	if err := flags.Parse(program.Args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(program.Stderr, "E! unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	sink := vpn_traffic.New()
	sink.Log = execd.NewLogger(program.Stdout, program.Stderr, *debug)
	if err := watchWith(sink, *config, program); err != nil {
		sink.Log.Error(err)
		return 1
	}
	return 0
}

func watchWith(sink *vpn_traffic.VPNTraffic, config string, program execd.Program) error {
	if config != "" {
		if err := execd.LoadConfig(config, "outputs", program.Name, program.LookupEnv, sink); err != nil {
			return err
		}
	}
	if err := sink.Init(); err != nil {
		return err
	}
	// Before Connect, so that a signal never ends it without Close.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := sink.Connect(); err != nil {
		return err
	}
	sink.Log.Infof("importing reports from %s/new", sink.Spool)
	<-ctx.Done()
	return sink.Close()
}

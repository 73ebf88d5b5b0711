package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// watch imports what is put into the spool, until SIGTERM or SIGINT, and
// returns the exit code. At SIGHUP it reads its configuration again.
func watch(program execd.Program) int {
	flags := newFlags("watch")
	config := flags.String("config", "", "read the configuration from `file`, a [[outputs.vpn_traffic]] table; without it every setting has its default")
	debug := flags.Bool("debug", false, "log debug messages too")
	if code, done := parse(program, flags); done {
		return code
	}
	log := execd.NewLogger(program.Stdout, program.Stderr, *debug)
	// From here on, so that a signal never ends it without Close.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	for ctx.Err() == nil {
		sink := vpn_traffic.New()
		sink.Log = log
		if err := watchWith(ctx, sink, *config, program, reload); err != nil {
			log.Error(err)
			return 1
		}
	}
	return 0
}

// watchWith watches until the context ends or the configuration is to be read
// again.
func watchWith(ctx context.Context, sink *vpn_traffic.VPNTraffic, config string, program execd.Program, reload <-chan os.Signal) error {
	if config != "" {
		if err := execd.LoadConfig(config, "outputs", program.Name, program.LookupEnv, sink); err != nil {
			return err
		}
	}
	if err := sink.Init(); err != nil {
		return err
	}
	if err := sink.Connect(); err != nil {
		return err
	}
	sink.Log.Infof("importing reports from %s/new", sink.Spool)
	select {
	case <-ctx.Done():
	case <-reload:
		sink.Log.Info("reading the configuration again")
	}
	return sink.Close()
}

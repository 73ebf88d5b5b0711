package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/systemd"
)

func watchCommand(host execd.Program) *command.Command {
	newClient, flags := newService(host)
	return &command.Command{
		Name: "watch", Line: "store report files as they are put into the spool", Flags: flags,
		About: `Imports the report files that others put into the folder new/ of the spool, until
SIGTERM or SIGINT. At SIGHUP it reads its configuration again. It tells systemd when it is
ready, what waits, and that it is not stuck (Type=notify, WatchdogSec=).
`,
		Examples: []command.Example{{Text: "psql-sink watch -config /etc/telegraf/vpn_traffic.conf"}},
		Run:      func([]string) error { return watch(newClient) },
	}
}

// watch imports what is put into the spool, until SIGTERM or SIGINT. At SIGHUP it
// reads its configuration again.
func watch(newClient func() *client) error {
	// From here on, so that a signal never ends it without Close.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	var confined confinement
	c := newClient()
	manager := systemd.New(c.sink.Log)
	defer manager.Stop()
	for ; ctx.Err() == nil; c = newClient() {
		if err := c.watch(ctx, reload, manager, &confined); err != nil {
			return err
		}
	}
	return nil
}

// watch watches until the context ends or the configuration is to be read again.
func (c *client) watch(ctx context.Context, reload <-chan os.Signal, manager *systemd.Notifier, confined *confinement) error {
	if err := c.configure(); err != nil {
		return err
	}
	if err := confined.allows(c.sink, c.config); err != nil {
		return err
	}
	if err := c.sink.Connect(); err != nil {
		return err
	}
	if c.Started != nil { // it is the program itself, not a test of it
		confined.enter(c.sink, c.config)
	}
	c.sink.Log.Infof("importing reports from %s/new", c.sink.Spool)
	status, _ := c.sink.Status()
	manager.Ready(status) // also while Postgres is away: reports are kept
	for {
		select {
		case <-manager.Due():
			manager.Report(c.sink.Status())
			continue
		case <-ctx.Done():
			manager.Stopping()
		case <-reload:
			c.sink.Log.Info("reading the configuration again")
		}
		return c.sink.Close()
	}
}

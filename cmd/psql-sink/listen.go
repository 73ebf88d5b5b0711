package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/systemd"
	"telegraf-conntrack-accounting/internal/writeapi"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

func listenCommand(host execd.Program) *command.Command {
	newClient, flags := newService(host)
	return &command.Command{
		Name: "listen", Line: "take metrics over HTTP as InfluxDB does, and store them", Flags: flags,
		About: `Takes line protocol from Telegraf's outputs.influxdb_v2 or outputs.influxdb at the
addresses of the option listen, until SIGTERM or SIGINT. A request is answered only when its
metrics are in the spool, on disk: until then Telegraf keeps them. It imports them, and
reports that others put into the spool, as watch does. It tells systemd when it is ready,
what waits, and that it is not stuck (Type=notify, WatchdogSec=).
`,
		Examples: []command.Example{{Text: "psql-sink listen -config /etc/telegraf/vpn_traffic.conf"}},
		Run: func([]string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return newClient().listen(ctx)
		},
	}
}

// listen serves until the context ends.
func (c *client) listen(ctx context.Context) error {
	if err := c.configure(); err != nil {
		return err
	}
	clients, err := writeapi.ReadClients(c.sink.ClientsFile, c.sink.Log)
	if err != nil {
		return err
	}
	listeners, err := c.listeners(clients)
	if err != nil {
		return err
	}
	if err := c.sink.Connect(); err != nil {
		return err
	}
	if c.Started != nil { // it is the program itself, not a test of it
		c.confineListener()
	}
	server := writeapi.New(writeapi.Options{
		NewBatch: func(sender string, mayWrite func(string) error) writeapi.Batch {
			return c.sink.NewBatch(sender, mayWrite)
		},
		Accepting: c.sink.Accepting,
		Stuck:     func() bool { _, stuck := c.sink.Status(); return stuck },
		Clients:   clients, MaxBody: int64(c.sink.MaxBody), Version: execd.Version(version, commit), Log: c.sink.Log,
	})
	return errors.Join(serve(ctx, server, listeners, c.sink), c.sink.Close())
}

// serve serves at all listeners, and tells systemd how it fares.
func serve(ctx context.Context, server *writeapi.Server, listeners []net.Listener, sink *vpn_traffic.VPNTraffic) error {
	manager := systemd.New(sink.Log)
	defer manager.Stop()
	failed := make(chan error, len(listeners))
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() { failed <- server.Serve(l) }) // until Stop
	}
	hangups := make(chan os.Signal, 1) // which would end the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	status, _ := sink.Status()
	manager.Ready(status) // also while Postgres is away: reports are kept
	for {
		var err error
		select {
		case <-manager.Due():
			manager.Report(sink.Status())
			continue
		case <-hangups:
			sink.Log.Info("SIGHUP: clients_file and the files of TLS are read again whenever they change; all other options need a restart")
			continue
		case <-ctx.Done():
			manager.Stopping()
		case err = <-failed:
		}
		const patience = 5 * time.Second // for requests in hand
		server.Stop(patience)
		serving.Wait()
		return err
	}
}

// listeners takes the addresses of the option listen.
func (c *client) listeners(clients *writeapi.Clients) (all []net.Listener, err error) {
	if len(c.sink.Listen) == 0 {
		return nil, errors.New(`listen is empty: name an address, such as "unix:///run/psql-sink/write.sock"`)
	}
	var config *tls.Config
	for _, text := range c.sink.Listen {
		address, err := writeapi.ParseAddress(text)
		if err != nil {
			return nil, err
		}
		if address.NeedsTLS() && config == nil {
			if config, err = c.tls(clients); err != nil {
				return nil, fmt.Errorf("listen: %s: %w", text, err)
			}
		}
		l, err := address.Listen(config, c.sink.Log)
		if err != nil {
			return nil, err
		}
		c.sink.Log.Infof("taking metrics at %s", text)
		all = append(all, l)
	}
	return all, nil
}

func (c *client) tls(clients *writeapi.Clients) (*tls.Config, error) {
	files := writeapi.Files{Cert: c.sink.TLSCert, Key: c.sink.TLSKey, CAs: c.sink.TLSAllowedCACerts}
	switch {
	case files.Cert == "" || files.Key == "":
		return nil, errors.New("needs tls_cert and tls_key")
	case clients == nil:
		return nil, errors.New("needs a clients_file: without it, everybody could write for every host")
	}
	return files.TLS(c.sink.Log)
}

// confineListener takes from the program what it does not need once it listens.
func (c *client) confineListener() {
	profile := profileOf(c.sink)
	profile.Accept = true
	enter(profile, c.sink, c.sink.Log)
}

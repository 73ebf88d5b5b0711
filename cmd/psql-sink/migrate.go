package main

import (
	"context"
	"flag"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/trafficdb"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// migrate makes the schema or brings it up to date, as its owner, grants the
// rights to it, and returns the exit code.
func migrate(program execd.Program) int {
	flags := flag.NewFlagSet("psql-sink migrate", flag.ContinueOnError)
	flags.SetOutput(program.Stderr)
	config := flags.String("config", "", "read the database's dsn from `file`, a [[outputs.vpn_traffic]] table")
	dsn := flags.String("dsn", "", "connect as the owner of the schema with this `dsn`, which overrides that of -config and may hold no password")
	if err := flags.Parse(program.Args); err != nil {
		return 2
	}
	log := execd.NewLogger(program.Stdout, program.Stderr, false)
	if flags.NArg() > 0 {
		log.Errorf("unexpected argument %q", flags.Arg(0))
		return 2
	}
	if err := trafficdb.RefusePassword(*dsn); err != nil {
		log.Errorf("-dsn: %v", err)
		return 2
	}
	sink := vpn_traffic.New()
	if *config != "" {
		if err := execd.LoadConfig(*config, "outputs", program.Name, program.LookupEnv, sink); err != nil {
			log.Error(err)
			return 1
		}
	}
	if *dsn != "" {
		sink.DSN = *dsn
	}
	if err := migrateDatabase(sink.DSN, log); err != nil {
		log.Error(err)
		return 1
	}
	return 0
}

func migrateDatabase(dsn string, log telegraf.Logger) error {
	db, err := trafficdb.Open(dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("%s: %w", trafficdb.Describe(err), trafficdb.Reason(err))
	}
	if err := db.Grant(ctx); err != nil { // to roles that came after the schema
		return err
	}
	log.Info("the schema is up to date, and the roles vpn_traffic_writer and vpn_traffic_reader, where they exist, have their rights")
	return nil
}

package main

import "telegraf-conntrack-accounting/internal/execd"

// manual is what there is to know of a command: all help is made from these.
type manual struct {
	name, line string // as the list of commands has them
	args       string // that follow the switches, "" for none
	about      string // what it does
	codes      string // exit codes beyond those that all have
	example    string
	run        func(execd.Program) int // returns the exit code
}

// manuals are of what psql-sink does besides reading metrics.
func manuals() []manual {
	return []manual{
		{
			name: "forget", line: "delete days, a gateway or a customer's addresses", run: forget,
			about: `Deletes days as a whole, of all gateways or of one: rows, sums of all levels, names,
and that they were imported, so that they can be imported anew. With -address it
deletes what src or dst say of a customer, and leaves the rest of a day.
Without -yes it only says what it would delete. It needs the rights of the tables'
owner; imports wait for a day's work.
`,
			example: "psql-sink forget -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner' -day 2026-01-03 -to 2026-01-05",
		},
		{
			name: "import", line: "store report files, each row once", args: "FILE...", about: importAbout, codes: importCodes, run: importFiles,
			example: "psql-sink import -config /etc/telegraf/vpn_traffic.conf -host gw1 /var/lib/reports",
		},
		{
			name: "migrate", line: "make the tables, as their owner, and grant rights to them", run: migrate,
			about: `Makes the tables and functions or brings them up to date, and grants the roles
vpn_traffic_writer and vpn_traffic_reader, where they exist, their rights. Run it
as the tables' owner where the sink itself may make none, and after each upgrade of
psql-sink. It does no harm where there is nothing to do.
`,
			example: "psql-sink migrate -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner'",
		},
		{
			name: "report", line: "show the traffic of a range", run: showReport,
			about: `Prints the top sources, destinations, pairs and ports of a range, and writes a page
with charts if asked to. With -csv it prints whole numbers for other programs, such
as the bill of a customer, a line for each day of a month:

  psql-sink report -config /etc/telegraf/vpn_traffic.conf -csv -each day -by total \
      -src 10.77.1.0 -since 2026-10-01 -until 2026-11-01

It changes nothing. That there was no traffic is no error, but that nothing at all is
stored of who is asked for is one.
`,
			example: "psql-sink report -config /etc/telegraf/vpn_traffic.conf -since 15h -html report.html",
		},
		{
			name: "upgrade", line: "bring the rows of the older importer's table over", run: upgrade,
			about: `Renames the older importer's table to vpn_traffic_old, makes this version's tables
and copies the rows into them. Sinks can store new rows meanwhile. Broken off, it
goes on where it was when it is run again.
`,
			codes:   "4 rows of the old table are older than the retention, and were not brought over\n",
			example: "psql-sink upgrade -config /etc/telegraf/vpn_traffic.conf",
		},
		{
			name: "verify", line: "compare the sums with the rows, and repair them", run: verify,
			about: `Computes the sums of each day anew from the rows of vpn_traffic, and prints which
tables differ; that ends with exit code 1. With -repair it replaces them, but for days
with reports of which no row is left: their sums are all there is, until -lost gives
them up.
`,
			example: "psql-sink verify -config /etc/telegraf/vpn_traffic.conf -from 2026-01-01 -to 2026-01-31",
		},
		{
			name: "watch", line: "store report files as they are put into the spool", run: watch,
			about: `Imports the report files that others put into the folder new/ of the spool, until
SIGTERM or SIGINT. At SIGHUP it reads its configuration again.
`,
			example: "psql-sink watch -config /etc/telegraf/vpn_traffic.conf",
		},
	}
}

// manualOf returns the manual of a command, nil for what is none.
func manualOf(name string) *manual {
	for _, m := range manuals() {
		if m.name == name {
			return &m
		}
	}
	return nil
}

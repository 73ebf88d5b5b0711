// Package ingest brings report files into the database: those of a spool, as they
// come, and those that somebody names. It holds a bounded number of rows, stores
// them in chunks, waits while the database is away, and finds the rows that the
// database refuses. It never drops a line: each is stored, or set aside with the
// reason.
//
// The way of a report through it:
//
//	spool/new ─ watch ─ awaitQuiet ─▶ Importer: units ─▶ load ──┐
//	                                                            ├─▶ Files ─▶ loader ─▶ store.DB
//	psql-sink import FILE… ─▶ Job: sources, runs ─▶ worker ─────┘   FileReader  chunks, halving
//
// What an error of the database means is decided by attempt.classify, and how long to
// go on by Retrier: Do, with a limit, for a Job; try, without one, for the Importer.
// Rows that may be to blame are bisected, and their report is quarantined when that
// does not help (units); what the spool cannot read or move is stuck.
package ingest

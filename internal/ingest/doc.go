// Package ingest brings report files into the database: those of a spool, as they
// come, and those that somebody names. It holds a bounded number of rows, stores
// them in chunks, waits while the database is away, and finds the rows that the
// database refuses. It never drops a line: each is stored, or set aside with the
// reason.
package ingest

// Package schema makes the traffic schema and keeps it up: migrations, the functions
// that are installed anew with each, rights, partitions, retention and indexes. It
// knows the old importer's table, too, and moves it out of the way.
//
// It guarantees that a schema is seen as a whole or not at all, that several
// processes may do the same at once, and that nothing waits for readers. It never
// touches a table that is not its own, never drops what is newest, and never reads
// or writes rows of traffic: that is store's.
package schema

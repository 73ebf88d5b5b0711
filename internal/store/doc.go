// Package store keeps traffic in the tables of schema: a batch of rows becomes rows,
// sums and names in one transaction. It answers the questions of `psql-sink report`,
// compares sums with rows, forgets days and addresses, and takes over the rows of the
// old importer's table.
//
// It guarantees that a row is in vpn_traffic exactly once, whatever is imported
// again, in parts, or from several processes at once. A row is known by (host,
// time, src, dst, proto, port); of rows with one key the first stays. It never
// retries: see pgconn.Class.
package store

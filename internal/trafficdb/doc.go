// Package trafficdb keeps traffic in Postgres: the schema, its partitions, and
// the import of reports.
//
// It guarantees that a row is in vpn_traffic exactly once, whatever is imported
// again, in parts, or from several processes at once. A row is known by (host,
// time, src, dst, proto, port); of rows with one key the first stays. The
// package never retries: it says by Class what an error means for the caller.
package trafficdb

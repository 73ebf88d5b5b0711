// Package pgconn connects to Postgres as libpq does: by a dsn, services, password
// files and the environment, to the first of several hosts that takes rows. It says
// by Class what an error means for the caller, and in an operator's words what it is.
//
// It guarantees that a transaction sees what was committed before each statement,
// that no error quotes a password, and that a COPY ends with its connection. It
// never retries, and knows no table.
package pgconn

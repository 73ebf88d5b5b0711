package pgconn

import (
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"io/fs"
	"net"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// unreachable describes the errors for which IsUnreachable is true.
const unreachable = "Postgres is unreachable"

// Describe names the kind of trouble that an error is. An operator has to do
// other things about one than about another, and wants to hear of each once.
func Describe(err error) string {
	if failed, ok := errors.AsType[connectError](err); ok {
		return describeConnect(failed)
	}
	switch {
	case errors.Is(err, ErrNotReady):
		return "the schema is not ready"
	case isReadOnly(err):
		return "Postgres is read-only"
	case IsDiskFull(err):
		return "Postgres is out of disk space"
	case errors.Is(err, errNotReplicated):
		return "Postgres lacks a synchronous standby"
	case IsUnreachable(err):
		return unreachable
	case ClassOf(err) == Retry:
		return "Postgres takes no rows" + codeOf(err)
	}
	return "an import failed" + codeOf(err)
}

// Reason returns what an operator has to know of an error: when the database is
// in the way, what it says, not what we were about to do.
func Reason(err error) error {
	if failed, ok := errors.AsType[connectError](err); ok {
		return failed
	}
	if ClassOf(err) != Retry {
		return err
	}
	if refusal := pq.As(err); refusal != nil && !errors.Is(err, ErrNotReady) {
		return refusal
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	switch {
	case errors.Is(err, driver.ErrBadConn):
		return errLost
	case errors.Is(err, errNotReplicated):
		return errNotReplicated
	}
	return err
}

// errLost stands for what lib/pq does not tell.
var errLost = errors.New("the connection was lost")

// describeConnect names what is wrong with all hosts. Where they differ, as in
// the middle of a failover, none of them can be reached for writing.
func describeConnect(failed connectError) string {
	switch {
	case failed.all(isReadOnly):
		return "Postgres is read-only"
	case failed.all(func(err error) bool { return !isReadOnly(err) && !IsUnreachable(err) }):
		return "Postgres does not let us in"
	}
	return unreachable
}

// isReadOnly reports whether the server takes no rows for now, but answers
// queries.
func isReadOnly(err error) bool {
	return errors.Is(err, errStandby) || errors.Is(err, errReadOnly) || pq.As(err, pqerror.ReadOnlySQLTransaction) != nil
}

// isUntrusted reports whether there is no TLS between us and the server: for want
// of a file of ours, or because one side did not like what the other showed.
func isUntrusted(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		// crypto/tls hides its alerts in these, and a cut connection is not an alert.
		return op.Op == "remote error" || op.Op == "local error"
	}
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, file := errors.AsType[*fs.PathError](err) // whose cause calls itself a net.Error
	return verification || header || file || errors.Is(err, pq.ErrSSLNotSupported)
}

// codeOf returns the server's SQLSTATE as " (SQLSTATE 53300)", or "" for an error
// of another origin.
func codeOf(err error) string {
	if refusal := pq.As(err); refusal != nil {
		return " (SQLSTATE " + refusal.SQLState() + ")"
	}
	return ""
}

package pgconn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Class says what to do after an error.
type Class int

const (
	// Unknown errors may pass or stay: try a few times, then set the report
	// aside.
	Unknown Class = iota
	// Retry says that the database, not the rows, is in the way: try again
	// until it is not.
	Retry
	// Reject says that the database refuses these rows and always will.
	Reject
	// Day says that the rows of one day are in the way: see schema.DayError.
	Day
)

// classified is an error that knows its class, as only what made it can.
type classified interface {
	error
	Class() Class
}

// ErrNotReady is what an error is that says that the schema is not, or cannot be,
// what this version needs.
var ErrNotReady = errors.New("the schema is not ready")

// ClassOf returns the class of an error.
func ClassOf(err error) Class {
	if _, ok := errors.AsType[connectError](err); ok {
		return Retry // whatever it was, certificates and passwords among it
	}
	if known, ok := errors.AsType[classified](err); ok {
		return known.Class()
	}
	if refusal := pq.As(err); refusal != nil {
		return classOfCode(refusal)
	}
	if IsUnreachable(err) || errors.Is(err, ErrNotReady) || errors.Is(err, errNotReplicated) || errors.Is(err, context.DeadlineExceeded) {
		return Retry
	}
	return Unknown
}

func classOfCode(err *pq.Error) Class {
	if IsMissingPartition(err) {
		return Retry
	}
	switch err.Code.Class() {
	case pqerror.ClassDataException, pqerror.ClassIntegrityConstraintViolation, pqerror.ClassProgramLimitExceeded:
		return Reject
	case pqerror.ClassFeatureNotSupported, // what somebody has added to the tables, or a standby
		pqerror.ClassConnectionException,               // lost
		pqerror.ClassTransactionRollback,               // serialization, deadlock
		pqerror.ClassInsufficientResources,             // disk full, too many connections
		pqerror.ClassObjectNotInPrerequisiteState,      // a lock was not to be had
		pqerror.ClassOperatorIntervention,              // shutdown, cancelled, starting up
		pqerror.ClassSystemError,                       // input/output error
		pqerror.ClassInvalidTransactionState,           // read-only
		pqerror.ClassInvalidAuthorizationSpecification, // password, pg_hba.conf
		pqerror.ClassInvalidCatalogName,                // no such database, yet
		pqerror.ClassInvalidSchemaName,                 // the same for a schema
		pqerror.ClassSyntaxErrorOrAccessRuleViolation:  // no right to, no such table
		return Retry
	}
	return Unknown
}

// MayBeRows reports whether an error may be the fault of rows, though nothing says
// so: that of somebody's trigger, for example, which may raise any.
func MayBeRows(err error) bool {
	if refusal := pq.As(err); refusal != nil && !IsMissingPartition(refusal) {
		return IsSpecific(err, refusal)
	}
	return ClassOf(err) == Unknown
}

// IsSpecific reports whether an error, in which the server refused something, may be
// about just that, rather than about us or the server: a table, a right or a feature
// can be missing for one statement alone, such as one of a trigger.
func IsSpecific(err error, refusal *pq.Error) bool {
	switch {
	case ClassOf(err) != Retry:
		return true
	case isReadOnly(err):
		return false
	}
	class := refusal.Code.Class()
	return class == pqerror.ClassSyntaxErrorOrAccessRuleViolation || class == pqerror.ClassFeatureNotSupported
}

// IsDiskFull reports whether an error says that the server has no room left.
func IsDiskFull(err error) bool { return pq.As(err, pqerror.DiskFull) != nil }

// IsUnreachable reports whether an error says that there is no connection, or
// none any more, rather than that the server refused something.
func IsUnreachable(err error) bool {
	if failed, ok := errors.AsType[connectError](err); ok {
		return describeConnect(failed) == unreachable
	}
	if isUntrusted(err) {
		return false
	}
	if refusal := pq.As(err); refusal != nil {
		return refusal.Code.Class() == pqerror.ClassConnectionException ||
			refusal.Code.Class() == pqerror.ClassOperatorIntervention && refusal.Code != pqerror.QueryCanceled
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true // even if a deadline was its cause
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false // which is a net.Error, too
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, lost := range [...]error{driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

// IsGone reports whether an error says that the tables, which were there, are not
// any more: to make them again is what helps.
func IsGone(err error) bool {
	return pq.As(err, pqerror.UndefinedTable, pqerror.UndefinedFunction, pqerror.InvalidSchemaName) != nil
}

// IsMomentary reports whether the same import is expected to succeed at once:
// another transaction was in the way, a partition was missing that the next
// attempt makes, or a connection lost its step.
func IsMomentary(err error) bool {
	if _, ok := errors.AsType[*brokenCopy](err); ok {
		return true
	}
	refusal := pq.As(err)
	return refusal != nil && (refusal.Code.Class() == pqerror.ClassTransactionRollback || IsMissingPartition(refusal))
}

// IsMissingPartition reports whether the server found no partition for a row:
// somebody has dropped one that we knew. A check that a user added has a name.
func IsMissingPartition(err error) bool {
	violation := pq.As(err, pqerror.CheckViolation)
	return violation != nil && violation.Constraint == ""
}

// IsMisconfigured reports whether an error says that the server refuses us or
// lacks what we need: a role, a right, the database, a certificate. To wait
// helps only where somebody is about to change that.
func IsMisconfigured(err error) bool {
	if errors.Is(err, ErrNotReady) {
		return true
	}
	if failed, ok := errors.AsType[connectError](err); ok {
		return failed.all(func(err error) bool {
			full := pq.As(err)
			return !isReadOnly(err) && !IsUnreachable(err) && (full == nil || full.Code.Class() != pqerror.ClassInsufficientResources)
		})
	}
	refusal := pq.As(err)
	if refusal == nil {
		return false
	}
	switch refusal.Code.Class() {
	case pqerror.ClassInvalidAuthorizationSpecification, // password, pg_hba.conf
		pqerror.ClassInvalidCatalogName, pqerror.ClassInvalidSchemaName,
		pqerror.ClassSyntaxErrorOrAccessRuleViolation: // no right to, no such table
		return true
	}
	return false
}

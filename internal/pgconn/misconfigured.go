package pgconn

import (
	"errors"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

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

package pgconn

import (
	"errors"
	"strings"
)

var (
	errStandby  = errors.New("it is a standby")
	errReadOnly = errors.New("it is read-only (default_transaction_read_only)")
)

// connectError says for each host why connecting to it failed. That is never the fault
// of a row.
type connectError []hostError

type hostError struct {
	place string // see placeOf
	err   error
}

func (e connectError) Error() string {
	texts := make([]string, len(e))
	for i, h := range e {
		texts[i] = h.place + ": " + oneLine(h.err)
	}
	return strings.Join(texts, "; ")
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func (e connectError) Unwrap() []error {
	errs := make([]error, len(e))
	for i, h := range e {
		errs[i] = h.err
	}
	return errs
}

// all reports whether something is true of the errors of all hosts.
func (e connectError) all(is func(error) bool) bool {
	for _, h := range e {
		if !is(h.err) {
			return false
		}
	}
	return true
}

package pgconn

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lib/pq"
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

// avoidLoosePassfile takes a password file out of the configuration that others
// may read, as libpq does, and returns what to tell when the login fails then.
// lib/pq would tell it on stderr, at every attempt.
func avoidLoosePassfile(config *pq.Config) error {
	path := config.Passfile
	if home, err := os.UserHomeDir(); path == "" && err == nil {
		path = filepath.Join(home, ".pgpass")
	}
	info, err := os.Stat(path)
	if err != nil || config.Password != "" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	config.Passfile = filepath.Join(os.DevNull, "none")
	return fmt.Errorf("the password file %s was not used, because others may read it: chmod 600 it", path)
}

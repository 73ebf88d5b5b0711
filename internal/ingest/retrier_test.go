package ingest

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lib/pq" //nolint:depguard // errors as the server refuses with them
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
)

// How often Do tries what fails in one way for a while, with what it ends, and what
// the log says.
func TestDo(t *testing.T) {
	full, right, odd, deadlock, refused := &pq.Error{Code: "53100"}, &pq.Error{Code: "42501"}, &pq.Error{Code: "P0001"}, &pq.Error{Code: "40P01"}, &pq.Error{Code: "22003"}
	const forever = 1000
	for name, c := range map[string]struct {
		err      error
		failures int
		stored   bool // rows were, before
		calls    int
		want     string
		log      string
	}{
		"fine":                     {calls: 1},
		"a disk is full for long":  {err: full, failures: forever, calls: 10, want: `^gave up after 1m[0-9.]+s: `, log: `^W! Postgres is out of disk space: .*; trying again for up to 1m0s\n$`},
		"a disk is full":           {err: full, failures: 3, calls: 4, log: `^W! Postgres is out of disk space: .*; trying again for up to 1m0s\nI! going on after [2-4][.0-9]*s \(Postgres is out of disk space\)\n$`},
		"no right from the start":  {err: right, failures: forever, calls: 1, want: `42501`},
		"a right is taken away":    {err: right, failures: forever, stored: true, calls: 10, want: `^gave up after 1m[0-9.]+s: `, log: `^W! Postgres takes no rows \(SQLSTATE 42501\): .*\n$`},
		"a trigger raises":         {err: odd, failures: forever, calls: 5, want: `^after 5 attempts: `, log: `^W! an import failed \(SQLSTATE P0001\): .*; trying again\n$`},
		"a trigger raises at once": {err: odd, failures: 4, calls: 5, log: `^W! .*\nI! going on after .*\n$`},
		"deadlocks":                {err: deadlock, failures: maxTransient, calls: maxTransient + 1},
		"the rows are refused":     {err: refused, failures: forever, calls: 1, want: `22003`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				r := Retrier{Log: execd.NewLogger(&log, &log, false), Limit: time.Minute, stored: c.stored}
				calls := 0
				err := r.Do(t.Context(), func(context.Context) error {
					if calls++; calls <= c.failures {
						return c.err
					}
					return nil
				})
				if c.want == "" {
					require.NoError(t, err)
				} else {
					require.Error(t, err)
					require.Regexp(t, c.want, err.Error())
				}
				if c.log == "" {
					require.Empty(t, log.String())
				} else {
					require.Regexp(t, c.log, log.String())
				}
				require.InDelta(t, c.calls, calls, float64(c.calls)/5)
			})
		})
	}
}

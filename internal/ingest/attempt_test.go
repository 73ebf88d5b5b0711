package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/lib/pq"         //nolint:depguard // errors as the server refuses with them
	"github.com/lib/pq/pqerror" //nolint:depguard // the same
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/schema"
)

// What to do after each of so many failures of one kind in a row.
func TestDecisions(t *testing.T) {
	const now, later, blame = retryNow, retryLater, blameRows
	forever := func(d decision) []decision { return []decision{d, d, d, d, d, d, d, d, d, d, d, d, d, d, d, d} }
	suspected := []decision{later, later, later, later, blame}
	of := func(code pqerror.Code) error { return fmt.Errorf("copying: %w", &pq.Error{Code: code}) }
	for name, c := range map[string]struct {
		err           error
		alone, others []decision // without and with other rows stored since
	}{
		"the server is away":       {io.ErrUnexpectedEOF, forever(later), forever(later)},
		"it shuts down":            {of("57P01"), forever(later), forever(later)},
		"its disk is full":         {of("53100"), forever(later), forever(later)},
		"it is read-only":          {of("25006"), forever(later), forever(later)},
		"a transaction took long":  {context.DeadlineExceeded, forever(later), forever(later)},
		"no such password":         {of("28P01"), forever(later), forever(later)},
		"the schema is older":      {schema.ErrNotMigrated, forever(later), forever(later)},
		"a deadlock":               {of("40P01"), append(forever(now)[:maxTransient], later, later), append(forever(now)[:maxTransient], later, later)},
		"a partition was dropped":  {of("23514"), append(forever(now)[:maxTransient], later, later), append(forever(now)[:maxTransient], later, later)},
		"a table is missing":       {of("42P01"), forever(later), suspected},
		"a right is missing":       {of("42501"), forever(later), suspected},
		"a trigger raises":         {of("P0001"), suspected, suspected},
		"nobody understands it":    {errors.New("odd"), suspected, suspected},
		"a value is out of range":  {of("22003"), []decision{blame}, []decision{blame}},
		"a check of somebody":      {&pq.Error{Code: "23514", Constraint: "small"}, []decision{blame}, []decision{blame}},
		"a day takes none":         {&schema.DayError{Day: time.Unix(0, 0)}, []decision{blame}, []decision{blame}},
		"the spool's disk is full": {&spoolError{unix.ENOSPC}, forever(later), forever(later)},
	} {
		t.Run(name, func(t *testing.T) {
			for others, want := range map[bool][]decision{false: c.alone, true: c.others} {
				var a attempt
				var got []decision
				for range want {
					got = append(got, a.classify(c.err, others))
				}
				require.Equal(t, want, got, others)
			}
		})
	}
}

// The pause doubles, and is short after what is transient.
func TestPauses(t *testing.T) {
	var a attempt
	for _, want := range []time.Duration{minPause, 2 * minPause, 4 * minPause, 8 * minPause, 16 * minPause, maxPause, maxPause} {
		require.InDelta(t, want, a.next(retryLater), float64(want)/4)
		require.InDelta(t, minPause/10, a.next(retryNow), float64(minPause)/40)
	}
}

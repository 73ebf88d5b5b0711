package schema

import (
	"fmt"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// DayError says that rows of one day cannot be stored, as long as nobody mends
// what is in the way. Those of other days can.
type DayError struct {
	Day time.Time // its begin, in UTC
	err error
}

func (d *DayError) Error() string {
	remedy := ""
	if pq.As(d.err, pqerror.DuplicateTable) != nil {
		remedy = ": " + notAttached
	}
	return fmt.Sprintf("rows of %s cannot be stored: %v%s", d.Day.Format(time.DateOnly), d.err, remedy)
}

const notAttached = "a table of that name is there and is no partition, so attach it again, rename it or drop it"

// Unwrap returns what the server said.
func (d *DayError) Unwrap() error { return d.err }

// Class says that only the rows of the day are in the way.
func (*DayError) Class() pgconn.Class { return pgconn.Day }

// Has reports whether a row's time, in nanoseconds since the epoch, is of the day, as
// Postgres rounds it.
func (d *DayError) Has(ns int64) bool {
	at := time.UnixMicro(reportfile.Micros(ns))
	return !at.Before(d.Day) && at.Before(d.Day.AddDate(0, 0, 1))
}

// asDay returns err as a DayError when it is about one day's tables rather than
// about us, the schema or the server.
func asDay(day int64, err error) error {
	refusal := pq.As(err)
	if refusal == nil || pgconn.ClassOf(err) == pgconn.Reject {
		return err
	}
	switch refusal.Code {
	case pqerror.InsufficientPrivilege, pqerror.UndefinedFunction, pqerror.UndefinedTable, pqerror.UndefinedColumn:
		return err
	}
	if !pgconn.IsSpecific(err, refusal) {
		return err
	}
	return &DayError{time.UnixMicro(day * dayMicros).UTC(), err}
}

package store

import (
	"fmt"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/schema"
)

// newBuckets are the minutes and hours, by the name of the level, whose first reports
// an import has. No rollup has a row of them, and nobody else can add one
// before the transaction ends, since the row that counts their reports is locked.
// So theirs can be copied, which costs a third of adding to rows that may be there.
type newBuckets map[string]map[int64]bool

// split divides rows of a rollup, which are in order of time, into those that can
// be copied and those that have to be merged.
func (n newBuckets) split(t *schema.Rollup, rows []rollupRow) (copied, merged []rollupRow) {
	if !t.Level.Merged() {
		return rows, nil
	}
	for i := range rows {
		if n[t.Level.Name][rows[i].us] {
			copied = append(copied, rows[i])
		} else {
			merged = append(merged, rows[i])
		}
	}
	return copied, merged
}

// orphan returns what a unique violation says of a copied rollup: that it has rows of a
// time that has no reports. It hides the violation, since the rows that are to be stored
// are not at fault.
func orphan(t *schema.Rollup, err error) error {
	violation := pq.As(err, pqerror.UniqueViolation)
	if violation == nil {
		return err
	}
	return fmt.Errorf("%s has sums of a time that has no reports (%s): psql-sink verify -repair mends that", t.Name, violation.Error())
}

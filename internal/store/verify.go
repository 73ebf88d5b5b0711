package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/schema"
)

// Difference says that a rollup is not the sum of the rows of a day, or a longer sum not
// that of what it is made of; one of vpn_traffic itself, that it has no rows of known reports.
type Difference struct {
	Table    string
	From     string    // the table whose sums it should have
	Day      time.Time // the begin of the day, or of the longer sum, in UTC
	Keys     int       // keys whose sums differ, or that only one side has
	Repaired bool
}

// Days returns the days, as their begins in UTC, between from and to that have, or
// should have, all their rows in vpn_traffic: the days that Verify can verify.
func (db *DB) Days(ctx context.Context, from, to time.Time) ([]time.Time, error) {
	days, err := listOf(ctx, db.Pool, scanDay, `
		SELECT day FROM (
			SELECT first AS day FROM vpn_traffic_partitions WHERE parent = 'vpn_traffic'
			UNION SELECT (time AT TIME ZONE 'UTC')::date FROM vpn_traffic_hour_reports) AS d
		WHERE day >= $1::date AND day <= $2::date
		AND NOT EXISTS (SELECT FROM vpn_traffic_gone WHERE retention = 'raw' AND first <= day AND day < next)
		AND NOT EXISTS (SELECT FROM vpn_traffic_reports r WHERE r.expired
			AND r.time >= day::timestamp AT TIME ZONE 'UTC' AND r.time < (day + 1)::timestamp AT TIME ZONE 'UTC')
		ORDER BY day`, from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
	if err != nil {
		return nil, explainMissing(fmt.Errorf("listing partitions: %w", err))
	}
	return days, nil
}

// scanDay copies a date, as its begin in UTC.
func scanDay(scan scanner, day *time.Time) error {
	err := scan(day)
	*day = day.UTC()
	return err
}

// Verify recomputes the rollups of a day from the rows of vpn_traffic, as one
// moment shows both, and returns those that differ. With repair it replaces
// them, and imports wait until it is done. Of a day whose rows retention has dropped
// it returns nothing: its sums are all that there is. So they are of rows that
// somebody has deleted: a day that has lost reports is not repaired.
func (db *DB) Verify(ctx context.Context, day time.Time, repair bool) (differences []Difference, err error) {
	var before map[string]bool
	check := func(tx *sql.Tx) error {
		if before, err = gone(ctx, tx, day); err != nil || before["raw"] {
			return err
		}
		differences, err = verify(ctx, tx, day, before, repair)
		return err
	}
	if repair {
		err = db.withoutImports(ctx, check)
	} else {
		err = db.asOfNow(ctx, check)
	}
	if err != nil || len(differences) == 0 {
		return nil, err
	}
	// A partition that was dropped meanwhile is empty also for whoever saw it full before.
	if after, err := gone(ctx, db.Pool, day); err != nil || !maps.Equal(before, after) {
		return nil, err
	}
	return differences, nil
}

func verify(ctx context.Context, tx *sql.Tx, day time.Time, dropped map[string]bool, repair bool) (differences []Difference, err error) {
	if n, err := lost(ctx, tx, day); err != nil {
		return nil, err
	} else if n > 0 {
		differences = append(differences, Difference{Table: "vpn_traffic", Day: day, Keys: n})
		repair = false // what the sums still have is all that is left of those rows
	}
	sums, err := verifyDay(ctx, tx, day, dropped, repair)
	return append(differences, sums...), err
}

// gone returns what retention has dropped of a day: raw, minute, hour. A caller that has
// listed days cannot know what has been dropped since.
func gone(ctx context.Context, db queryer, day time.Time) (map[string]bool, error) {
	list, err := listOf(ctx, db, func(scan scanner, level *string) error { return scan(level) }, `
		SELECT retention FROM vpn_traffic_gone WHERE first <= $1::date AND $1::date < next
		UNION SELECT 'raw' FROM vpn_traffic_reports WHERE expired AND time >= $2 AND time < $3`,
		day.Format(time.DateOnly), day, day.AddDate(0, 0, 1))
	if err != nil {
		return nil, fmt.Errorf("looking for what retention has dropped: %w", err)
	}
	levels := make(map[string]bool)
	for _, level := range list {
		levels[level] = true
	}
	return levels, nil
}

// verifyDay compares the sums of a day with its rows, but for those that are gone.
func verifyDay(ctx context.Context, tx *sql.Tx, day time.Time, dropped map[string]bool, repair bool) (differences []Difference, err error) {
	there := slices.DeleteFunc(checks(day), func(c check) bool { return dropped[c.retention] })
	differences, err = compare(ctx, tx, there, repair)
	if err == nil && repair && len(differences) > 0 {
		err = outdateDay(ctx, tx, day) // what was made of the sums
	}
	return differences, err
}

// compare returns which tables do not hold what they should, and with repair makes them.
func compare(ctx context.Context, tx *sql.Tx, all []check, repair bool) (differences []Difference, err error) {
	for _, c := range all {
		n, err := c.differing(ctx, tx)
		if err == nil && n > 0 && repair {
			err = c.repair(ctx, tx)
		}
		if err != nil {
			return nil, fmt.Errorf("verifying %s: %w", c.table, err)
		}
		if n > 0 {
			differences = append(differences, Difference{Table: c.table, From: c.from, Day: c.first, Keys: n, Repaired: repair})
		}
	}
	return differences, nil
}

// check compares a table with what it should hold.
type check struct {
	table, from string                    // from is what its sums are made of
	keys        string                    // with a comma between them
	sums        []string                  // the other columns
	limit       func(column string) int64 // where those sums stop
	truth       string                    // selects keys and sums between $1 and $2
	first, next time.Time                 // which are these
	retention   string                    // with what they go
	among       string                    // a further condition, of keys
}

func checks(day time.Time) (all []check) {
	next := day.AddDate(0, 0, 1)
	for _, t := range schema.Rollups {
		all = append(all, checkOf(&t, "vpn_traffic", day, next))
	}
	for _, level := range schema.MergedLevels {
		all = append(all, check{
			table: "vpn_traffic_" + level.Name + "_reports", from: "vpn_traffic", keys: "time, host", sums: []string{"reports", "tracked"}, limit: func(string) int64 { return math.MaxInt64 },
			truth: fmt.Sprintf(`SELECT %s AS time, host, count(*) AS reports, count(*) FILTER (WHERE tracked) AS tracked
				FROM vpn_traffic_reports WHERE time >= $1 AND time < $2 GROUP BY 1, host`, level.Begin()),
			first: day, next: next, retention: level.Retention,
		})
	}
	return all
}

func checkOf(t *schema.Rollup, from string, first, next time.Time) check {
	return check{
		table: t.Name, from: from, keys: t.Key(), sums: schema.SumColumns[:], limit: t.Limit, first: first, next: next, retention: t.Level.Retention,
		truth: fmt.Sprintf(`SELECT %s AS time, host, %s, %s FROM %s WHERE time >= $1 AND time < $2 GROUP BY 1, host, %[2]s`,
			t.Level.Begin(), strings.Join(t.Columns, ", "), summed(schema.SumColumns[:], t.Limit), from),
	}
}

// summed is the SQL for sums as far as they go.
func summed(columns []string, limit func(string) int64) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		// least passes over a NULL, as of a gauge that nobody has counted.
		list[i] = fmt.Sprintf("CASE WHEN sum(%[1]s) IS NOT NULL THEN least(sum(%[1]s), %[2]d) END::bigint AS %[1]s", column, limit(column))
	}
	return strings.Join(list, ", ")
}

func (c *check) differing(ctx context.Context, tx *sql.Tx) (n int, err error) {
	sums := strings.Join(c.sums, ", t.")
	err = tx.QueryRowContext(ctx, fmt.Sprintf(`
		SELECT count(*) FROM (%[1]s) AS t
		FULL JOIN (SELECT %[2]s, %[3]s FROM %[4]s WHERE time >= $1 AND time < $2 GROUP BY %[2]s) AS r USING (%[2]s)
		WHERE (t.%[5]s) IS DISTINCT FROM (r.%[6]s)%[7]s`,
		c.truth, c.keys, summed(c.sums, c.limit), c.table, sums, strings.ReplaceAll(sums, "t.", "r."), c.among),
		c.first, c.next).Scan(&n)
	return n, err
}

// repair makes a table hold what it should.
func (c *check) repair(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM `+c.table+` WHERE time >= $1 AND time < $2`, c.first, c.next); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s, %s) %s ORDER BY 1`,
		c.table, c.keys, strings.Join(c.sums, ", "), c.truth), c.first, c.next)
	return err
}

package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/lib/pq"

	"telegraf-conntrack-accounting/internal/schema"
)

// batchReport is a report that a batch has rows of.
type batchReport struct {
	us         int64 // its time
	deliveries int   // this one too
	expired    bool  // its rows are gone by retention
	tracks     bool  // with this delivery it has open_connections for the first time
}

func (r *batchReport) at() time.Time { return time.UnixMicro(r.us) }

// lockReports locks the reports that the batch has rows of, and returns them,
// both in the order of time, so that no two imports wait for each other. What
// other imports inserted before is committed and visible to the next statement,
// and nobody else inserts rows of these reports until the transaction ends.
func lockReports(ctx context.Context, tx *sql.Tx, b *batch) ([]batchReport, error) {
	times, tracked := b.times()
	found, err := tx.QueryContext(ctx, `
		WITH locked AS (
			INSERT INTO vpn_traffic_reports AS r (host, time, tracked)
			SELECT $1, n.time, n.tracked
			FROM unnest($2::timestamptz[], $3::boolean[]) AS n (time, tracked) ORDER BY n.time
			ON CONFLICT (host, time) DO UPDATE SET deliveries = r.deliveries + 1
			RETURNING *)
		SELECT time, deliveries, expired, deliveries = 1 AND tracked FROM locked ORDER BY time`,
		b.host, timeTexts(times), pq.BoolArray(tracked))
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	var reports []batchReport
	for found.Next() {
		var at time.Time
		var r batchReport
		if err := found.Scan(&at, &r.deliveries, &r.expired, &r.tracks); err != nil {
			return nil, err
		}
		r.us = at.UnixMicro()
		reports = append(reports, r)
	}
	return reports, found.Err()
}

// noteTracked notes which of the reports seen before have open_connections for
// the first time, with the rows that are left in the batch.
func noteTracked(ctx context.Context, tx *sql.Tx, b *batch, reports []batchReport) error {
	var candidates pq.StringArray
	times, tracked := b.times()
	for i, us := range times {
		if n := find(reports, us); tracked[i] && reports[n].deliveries > 1 {
			candidates = append(candidates, string(appendTime(nil, us)))
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	found, err := tx.QueryContext(ctx, `UPDATE vpn_traffic_reports SET tracked = true
		WHERE host = $1 AND time = ANY ($2::timestamptz[]) AND NOT tracked RETURNING time`, b.host, candidates)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var at time.Time
		if err := found.Scan(&at); err != nil {
			return err
		}
		reports[find(reports, at.UnixMicro())].tracks = true
	}
	return found.Err()
}

// find returns where the report of a time is that is one of them.
func find(reports []batchReport, us int64) int {
	n, _ := slices.BinarySearchFunc(reports, us, func(r batchReport, us int64) int { return cmp.Compare(r.us, us) })
	return n
}

// countReports adds new reports to those of their minutes and hours.
func countReports(ctx context.Context, tx *sql.Tx, host string, reports []batchReport) (newBuckets, error) {
	buckets := make(newBuckets)
	for _, level := range schema.MergedLevels {
		steps := stepsOf(reports, level.Step)
		if len(steps.times) == 0 {
			continue
		}
		found, err := tx.QueryContext(ctx, `INSERT INTO vpn_traffic_`+level.Name+`_reports AS r (time, host, reports, tracked)
			SELECT n.time, $1, n.reports, n.tracked FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[]) AS n (time, reports, tracked)
			ON CONFLICT (time, host) DO UPDATE SET reports = r.reports + EXCLUDED.reports, tracked = r.tracked + EXCLUDED.tracked
			RETURNING time, reports`, host, timeTexts(steps.times), steps.reports, steps.tracked)
		if err != nil {
			return nil, err
		}
		if err := buckets.note(found, level.Name, steps); err != nil {
			return nil, err
		}
	}
	return buckets, nil
}

// steps says how many reports of a batch are new in each step of time, and in
// how many open_connections is.
type steps struct {
	times            []int64
	reports, tracked pq.Int64Array
}

func stepsOf(reports []batchReport, step int64) (s steps) {
	for _, r := range reports {
		if r.expired || r.deliveries > 1 && !r.tracks {
			continue
		}
		us := floor(r.us, step)
		if last := len(s.times) - 1; last < 0 || us != s.times[last] {
			s.times = append(s.times, us)
			s.reports, s.tracked = append(s.reports, 0), append(s.tracked, 0)
		}
		last := len(s.times) - 1
		if r.deliveries == 1 {
			s.reports[last]++
		}
		if r.tracks {
			s.tracked[last]++
		}
	}
	return s
}

// timeTexts returns times in microseconds as the server reads them.
func timeTexts(times []int64) pq.StringArray {
	list := make(pq.StringArray, len(times))
	for i, us := range times {
		list[i] = string(appendTime(nil, us))
	}
	return list
}

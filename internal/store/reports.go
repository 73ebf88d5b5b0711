package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"telegraf-conntrack-accounting/internal/schema"
)

// batchReport is a report that a batch has rows of.
type batchReport struct {
	us         int64 // its time
	deliveries int   // this one too
	expired    bool  // its rows are gone by retention
	tracks     bool  // with this delivery it has open_connections for the first time
}

// lockReports locks and lists the reports that the batch has rows of, both in the
// order of time, so that no two imports wait for each other. What other imports
// inserted before is committed and visible to the next statement, and nobody else
// inserts rows of these reports until the transaction ends. The server says which one it is.
func (i *importing) lockReports(ctx context.Context) (err error) {
	times, tracked := i.batch.times()
	i.reports, err = listOf(ctx, i.tx, func(scan scanner, r *batchReport) error {
		var at time.Time
		err := scan(&at, &r.deliveries, &r.expired, &r.tracks, &i.server)
		r.us = at.UnixMicro()
		return err
	}, `WITH locked AS (
			INSERT INTO vpn_traffic_reports AS r (host, time, tracked)
			SELECT $1, n.time, n.tracked
			FROM unnest($2::timestamptz[], $3::boolean[]) AS n (time, tracked) ORDER BY n.time
			ON CONFLICT (host, time) DO UPDATE SET deliveries = r.deliveries + 1
			RETURNING *)
		SELECT time, deliveries, expired, deliveries = 1 AND tracked, pg_postmaster_start_time() FROM locked ORDER BY time`,
		i.batch.host, timeTexts(times), tracked)
	if err == nil {
		i.db.meet(i.server)
	}
	return err
}

// noteTracked notes which of the reports seen before have open_connections for
// the first time, with the rows that are left in the batch.
func (i *importing) noteTracked(ctx context.Context) error {
	var candidates []int64
	times, tracked := i.batch.times()
	for n, us := range times {
		if tracked[n] && i.report(us).deliveries > 1 {
			candidates = append(candidates, us)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return eachRow(ctx, i.tx, func(scan scanner) error {
		var at time.Time
		if err := scan(&at); err != nil {
			return err
		}
		i.report(at.UnixMicro()).tracks = true
		return nil
	}, `UPDATE vpn_traffic_reports SET tracked = true
		WHERE host = $1 AND time = ANY ($2::timestamptz[]) AND NOT tracked RETURNING time`, i.batch.host, timeTexts(candidates))
}

// report returns the report of a time, which the batch has rows of.
func (i *importing) report(us int64) *batchReport {
	n, _ := slices.BinarySearchFunc(i.reports, us, func(r batchReport, us int64) int { return cmp.Compare(r.us, us) })
	return &i.reports[n]
}

// countReports adds new reports to those of their minutes and hours.
func (i *importing) countReports(ctx context.Context) error {
	i.buckets = make(newBuckets)
	for _, level := range schema.MergedLevels {
		steps := stepsOf(i.reports, level.Step)
		if len(steps.times) == 0 {
			continue
		}
		isNew := make(map[int64]bool)
		i.buckets[level.Name] = isNew
		err := eachRow(ctx, i.tx, func(scan scanner) error {
			var at time.Time
			var reports int64
			if err := scan(&at, &reports); err != nil {
				return err
			}
			us := at.UnixMicro()
			if n, known := slices.BinarySearch(steps.times, us); known && reports > 0 && reports == steps.reports[n] {
				isNew[us] = true // all of its reports are those that were just added
			}
			return nil
		}, `INSERT INTO vpn_traffic_`+level.Name+`_reports AS r (time, host, reports, tracked)
			SELECT n.time, $1, n.reports, n.tracked FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[]) AS n (time, reports, tracked)
			ON CONFLICT (time, host) DO UPDATE SET reports = r.reports + EXCLUDED.reports, tracked = r.tracked + EXCLUDED.tracked
			RETURNING time, reports`, i.batch.host, timeTexts(steps.times), steps.reports, steps.tracked)
		if err != nil {
			return err
		}
	}
	return nil
}

// steps says how many reports of a batch are new in each step of time, and in
// how many open_connections is.
type steps struct {
	times            []int64
	reports, tracked []int64
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
func timeTexts(times []int64) []string {
	list := make([]string, len(times))
	for i, us := range times {
		list[i] = string(appendTime(nil, us))
	}
	return list
}

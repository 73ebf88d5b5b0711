package trafficdb

import (
	"context"
	"database/sql"
	"time"

	"github.com/lib/pq"
)

// batchReport is a report that a batch has rows of.
type batchReport struct {
	us         int64 // its time
	deliveries int   // this one too
	expired    bool  // its rows are gone by retention
	tracks     bool  // this delivery is the first with open_connections
}

func (r *batchReport) at() time.Time { return time.UnixMicro(r.us) }

// lockReports locks the reports that the batch has rows of, and returns them,
// both in the order of time, so that no two imports wait for each other. What
// other imports inserted before is committed and visible to the next statement,
// and nobody else inserts rows of these reports until the transaction ends.
func lockReports(ctx context.Context, tx *sql.Tx, b *batch) ([]batchReport, error) {
	times, tracked := b.times()
	texts := make(pq.StringArray, len(times))
	for i, us := range times {
		texts[i] = string(appendTime(nil, us))
	}
	found, err := tx.QueryContext(ctx, `
		WITH locked AS (
			INSERT INTO vpn_traffic_reports AS r (host, time, tracked_by)
			SELECT $1, n.time, CASE WHEN n.tracked THEN 1 END
			FROM unnest($2::timestamptz[], $3::boolean[]) AS n (time, tracked) ORDER BY n.time
			ON CONFLICT (host, time) DO UPDATE SET deliveries = r.deliveries + 1,
				tracked_by = coalesce(r.tracked_by, (r.deliveries + 1) * EXCLUDED.tracked_by)
			RETURNING *)
		SELECT time, deliveries, expired, coalesce(tracked_by = deliveries, false) FROM locked ORDER BY time`,
		b.host, texts, pq.BoolArray(tracked))
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

// countReports adds new reports to those of their minutes and hours.
func countReports(ctx context.Context, tx *sql.Tx, host string, reports []batchReport) error {
	for _, level := range [...]struct {
		table string
		step  int64
	}{{"vpn_traffic_minute_reports", minuteMicros}, {"vpn_traffic_hour_reports", hourMicros}} {
		var times pq.StringArray
		var counts, tracked pq.Int64Array
		last := int64(0)
		for _, r := range reports {
			if r.expired || r.deliveries > 1 && !r.tracks {
				continue
			}
			us := floor(r.us, level.step)
			if len(times) == 0 || us != last {
				times, last = append(times, string(appendTime(nil, us))), us
				counts, tracked = append(counts, 0), append(tracked, 0)
			}
			if r.deliveries == 1 {
				counts[len(counts)-1]++
			}
			if r.tracks {
				tracked[len(tracked)-1]++
			}
		}
		if len(times) == 0 {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO `+level.table+` AS r (time, host, reports, tracked)
			SELECT n.time, $1, n.reports, n.tracked FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[]) AS n (time, reports, tracked)
			ON CONFLICT (time, host) DO UPDATE SET reports = r.reports + EXCLUDED.reports, tracked = r.tracked + EXCLUDED.tracked`,
			host, times, counts, tracked)
		if err != nil {
			return err
		}
	}
	return nil
}

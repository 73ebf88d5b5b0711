package store

import (
	"context"
	"strings"
	"time"
)

// Coverage is the range that an answer really covers.
type Coverage struct {
	Since, Until time.Time // beyond the ends, where only whole minutes or hours are known there
	Complete     bool      // retention has dropped nothing that would have to be in it
	Hours        bool      // it is made of the sums of whole hours, whatever the ends
}

// Coverage returns that of what is asked by names. Who talks to whom is known by
// the hour, or over protocols and ports from the rows alone.
func (q *Query) Coverage(ctx context.Context, f *Filter, by string) (c Coverage, err error) {
	err = q.row(ctx, []any{&c.Since, &c.Until, &c.Hours, &c.Complete}, `
		WITH asked AS (SELECT vpn_traffic_kind($1, $2, vpn_traffic_columns($8), (vpn_traffic_filter($3, $4, $5, $6, $7)).columns) AS kind),
		wide AS (SELECT kind, CASE kind WHEN 'pair' THEN date_trunc('hour', $1::timestamptz, 'UTC') ELSE $1 END AS since,
			CASE kind WHEN 'pair' THEN vpn_traffic_ceil('hour', $2) ELSE $2 END AS until FROM asked)
		SELECT coalesce(min(p.first), wide.since), coalesce(max(p.last), wide.until), kind = 'pair',
			CASE kind WHEN 'raw' THEN vpn_traffic_there('report', wide.since, wide.until)
				WHEN 'pair' THEN vpn_traffic_there('hour', wide.since, wide.until)
				ELSE coalesce(bool_and(vpn_traffic_there(p.level, p.first, p.last)), true) END
		FROM wide LEFT JOIN LATERAL vpn_traffic_parts(wide.since, wide.until) AS p ON kind NOT IN ('raw', 'pair')
		GROUP BY kind, wide.since, wide.until`,
		f.parameters(strings.TrimPrefix(by, "total"))...)
	return c, err
}

package store

import (
	"context"
	"database/sql"
	"time"
)

// LastReport returns the time up to which all gateways have reported, and the time
// between two reports of one. A gateway that is silent for three times as long is left
// out. Without a report in the last hour, the time is zero.
func (q *Query) LastReport(ctx context.Context, hosts []string) (last time.Time, interval time.Duration, err error) {
	var at sql.NullTime
	var seconds float64
	err = q.row(ctx, []any{&at, &seconds}, `
		WITH heard AS (SELECT last FROM vpn_traffic_heard($1, now()) WHERE last > now() - interval '1 hour'),
		pace AS (SELECT coalesce(vpn_traffic_interval(now()), 60) AS seconds)
		SELECT (SELECT min(last) FROM heard WHERE last >= (SELECT max(last) FROM heard) - make_interval(secs => 3 * seconds)), seconds FROM pace`,
		list(hosts))
	return at.Time, time.Duration(seconds * float64(time.Second)), err
}

// Reports returns how many reports the gateway sent in a range that sent the most.
func (q *Query) Reports(ctx context.Context, f *Filter) (most int, err error) {
	err = q.row(ctx, []any{&most}, `SELECT coalesce(max(reports), 0) FROM vpn_traffic_counts($1, $2, NULL, $3)`, f.Since, f.Until, list(f.Host))
	return most, err
}

// list is an array that is never NULL.
func list(values []string) []string { return append([]string{}, values...) }

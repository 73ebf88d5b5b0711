package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// LastReport returns the time up to which all gateways have reported, and the time
// between two reports of one. A gateway that is silent for three times as long is left
// out. Without a report in the last hour, the time is zero.
func (q *Query) LastReport(ctx context.Context, hosts []string) (last time.Time, interval time.Duration, err error) {
	var at sql.NullTime
	var seconds float64
	err = q.tx.QueryRowContext(ctx, `
		WITH heard AS (SELECT last FROM vpn_traffic_heard($1, now()) WHERE last > now() - interval '1 hour'),
		pace AS (SELECT coalesce(vpn_traffic_interval(now()), 60) AS seconds)
		SELECT (SELECT min(last) FROM heard WHERE last >= (SELECT max(last) FROM heard) - make_interval(secs => 3 * seconds)), seconds FROM pace`,
		list(hosts)).Scan(&at, &seconds)
	if err != nil {
		return time.Time{}, 0, fmt.Errorf("querying the database: %w", err)
	}
	return at.Time, time.Duration(seconds * float64(time.Second)), nil
}

// Reports returns how many reports the gateway sent in a range that sent the most.
func (q *Query) Reports(ctx context.Context, f *Filter) (most int, err error) {
	err = q.tx.QueryRowContext(ctx, `SELECT coalesce(max(reports), 0) FROM vpn_traffic_counts($1, $2, NULL, $3)`, f.Since, f.Until, list(f.Host)).Scan(&most)
	if err != nil {
		return 0, fmt.Errorf("querying the database: %w", err)
	}
	return most, nil
}

// list is an array that is never NULL.
func list(values []string) pq.StringArray { return append(pq.StringArray{}, values...) }

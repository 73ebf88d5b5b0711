package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// ErrOldSchema says that the database lacks tables or functions of this version.
var ErrOldSchema = errors.New("the database, or the schema that search_path names, has no tables or functions of this version: start psql-sink once, or run psql-sink migrate as the owner, which installs them")

// Filter says which traffic is wanted. An empty list allows all values.
type Filter struct {
	Since, Until                time.Time
	Src, Dst, Proto, Port, Host []string
	Sort                        string // one of Sorts, what tells the greatest; "" is bytes
}

// byBytes says that the database's own functions tell the greatest.
func (f *Filter) byBytes() bool { return f.Sort == "" || f.Sort == "bytes" }

// Sums are those of traffic in a range or a step.
type Sums struct {
	SrcPackets, SrcBytes, DstPackets, DstBytes float64
	ConnectionCount, ConnectionTimes           float64 // the times in ms
	OpenConnections                            *float64
}

// Total is the traffic of a name in the whole range.
type Total struct {
	Name string
	Sums
}

// Pair is the traffic of a source and a destination in the whole range.
type Pair struct {
	Src, Dst         string
	SrcName, DstName string // what to show: their names too, where they have any
	Sums
}

// Point is the traffic of a name in a step.
type Point struct {
	Time time.Time
	Step time.Duration
	Name string
	Sums
}

// Query reads the database as it is at one moment.
type Query struct{ tx *sql.Tx }

// Query calls fn with the database as it is at one moment, and changes nothing.
func (db *DB) Query(ctx context.Context, fn func(*Query) error) error {
	return explainMissing(db.asOfNow(ctx, func(tx *sql.Tx) error { return fn(&Query{tx}) }))
}

// asOfNow calls fn in a transaction that shows the database at one moment.
func (db *DB) asOfNow(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.Pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("querying the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	return fn(tx)
}

// explainMissing tells what to do when the database lacks what we need.
func explainMissing(err error) error {
	if pq.As(err, pqerror.UndefinedFunction, pqerror.UndefinedTable) != nil {
		return fmt.Errorf("%w (%w)", ErrOldSchema, err)
	}
	return err
}

// Totals returns the greatest of what by names (src, dst, proto, port, service,
// host, or "" for all together), and what all others have.
func (q *Query) Totals(ctx context.Context, f *Filter, by string, top int) ([]Total, error) {
	query := `SELECT name, ` + sumColumns + ` FROM vpn_traffic_totals($1, $2, $9, $3, $4, $5, $6, $7, $8)`
	if !f.byBytes() {
		query = `WITH ranked AS (SELECT *, row_number() OVER (ORDER BY ` + rank(f.Sort) + ` DESC NULLS LAST, key) AS place
				FROM vpn_traffic_totals($1, $2, $9, $3, $4, $5, $6, $7))
			SELECT CASE WHEN place > $8 THEN 'all others' ELSE name END, sum(` + strings.ReplaceAll(sumColumns, `, `, `), sum(`) + `)
			FROM ranked GROUP BY 1 ORDER BY min(place)`
	}
	return ask(ctx, q, func(scan scanner, row *Total) error {
		return scan(append([]any{&row.Name}, row.columns()...)...)
	}, query, f.parameters(top, by)...)
}

// Pairs returns the greatest pairs.
func (q *Query) Pairs(ctx context.Context, f *Filter, top int) ([]Pair, error) {
	query := `SELECT source, destination, source_name, destination_name, ` + sumColumns + ` FROM vpn_traffic_pairs($1, $2, $3, $4, $5, $6, $7`
	if f.byBytes() {
		query += `, $8)`
	} else {
		query += `) ORDER BY ` + rank(f.Sort) + ` DESC NULLS LAST, source, destination LIMIT $8`
	}
	return ask(ctx, q, func(scan scanner, row *Pair) error {
		return scan(append([]any{&row.Src, &row.Dst, &row.SrcName, &row.DstName}, row.columns()...)...)
	}, query, f.parameters(top)...)
}

// Series returns traffic over time, in steps that are at least as long as step.
func (q *Query) Series(ctx context.Context, f *Filter, step time.Duration, by string, top int) ([]Point, error) {
	query := `SELECT time, name, seconds, ` + sumColumns + ` FROM vpn_traffic_series($1, $2, $10::interval, $9, $3, $4, $5, $6, $7, $8) WHERE seconds IS NOT NULL`
	return ask(ctx, q, func(scan scanner, row *Point) error {
		var seconds int
		err := scan(append([]any{&row.Time, &row.Name, &seconds}, row.columns()...)...)
		row.Step = time.Duration(seconds) * time.Second
		return err
	}, query, f.parameters(top, by, fmt.Sprintf("%d milliseconds", step.Milliseconds()))...)
}

// Interval is the time between two reports of a gateway at the end of the range, 0
// where it is not known.
func (q *Query) Interval(ctx context.Context, f *Filter) (time.Duration, error) {
	seconds := 0
	err := q.row(ctx, []any{&seconds}, `SELECT coalesce(vpn_traffic_interval(least($1, now())), 0)`, f.Until)
	return time.Duration(seconds) * time.Second, err
}

// ask returns what row makes of each row of a query's result.
func ask[T any](ctx context.Context, q *Query, row func(scanner, *T) error, query string, args ...any) ([]T, error) {
	list, err := listOf(ctx, q.tx, row, query, args...)
	if err != nil {
		return nil, fmt.Errorf("querying the database: %w", err)
	}
	return list, nil
}

// row copies the one row of a query's result.
func (q *Query) row(ctx context.Context, columns []any, query string, args ...any) error {
	if err := q.tx.QueryRowContext(ctx, query, args...).Scan(columns...); err != nil {
		return fmt.Errorf("querying the database: %w", err)
	}
	return nil
}

// parameters are $1 to $7 of a query, and more.
func (f *Filter) parameters(more ...any) []any {
	return append([]any{f.Since, f.Until, f.Src, f.Dst, f.Proto, f.Port, f.Host}, more...)
}

// columns are the sums in the order of sumColumns.
func (s *Sums) columns() []any {
	return []any{&s.SrcPackets, &s.SrcBytes, &s.DstPackets, &s.DstBytes, &s.ConnectionTimes, &s.ConnectionCount, &s.OpenConnections}
}

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

// Value is one that a column holds, and what it is called: "" where it has no name.
type Value struct{ Value, Name string }

// Values returns all values that src, dst, proto, port or host had before a time
// and that are not forgotten, with the names that were in force then.
func (q *Query) Values(ctx context.Context, kind string, until time.Time) ([]Value, error) {
	return ask(ctx, q, func(scan scanner, v *Value) error {
		err := scan(&v.Value, &v.Name)
		v.Name = nameOf(v.Value, v.Name)
		return err
	}, `SELECT value, name FROM vpn_traffic_values($1, '-infinity', $2)`, kind, until)
}

// Silent returns which shards of a head do not answer, and why: what is asked is of the
// others. A database with rows has none.
func (q *Query) Silent(ctx context.Context) ([]string, error) {
	return ask(ctx, q, func(scan scanner, shard *string) error { return scan(shard) },
		`SELECT shard || ' (' || reason || ')' FROM vpn_traffic_silent()`)
}

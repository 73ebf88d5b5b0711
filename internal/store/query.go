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

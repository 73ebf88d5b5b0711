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
	tx, err := db.Pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("querying the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	return explainMissing(fn(&Query{tx}))
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
	var list []Total
	query := `SELECT name, ` + sumNames + ` FROM vpn_traffic_totals($1, $2, $9, $3, $4, $5, $6, $7, $8)`
	if !f.byBytes() {
		query = `WITH ranked AS (SELECT *, row_number() OVER (ORDER BY ` + rank(f.Sort) + ` DESC NULLS LAST, key) AS place
				FROM vpn_traffic_totals($1, $2, $9, $3, $4, $5, $6, $7))
			SELECT CASE WHEN place > $8 THEN 'all others' ELSE name END, sum(` + strings.ReplaceAll(sumNames, `, `, `), sum(`) + `)
			FROM ranked GROUP BY 1 ORDER BY min(place)`
	}
	err := q.read(ctx, query, f, top, []any{by}, func(scan scanner) error {
		var row Total
		err := scan(append([]any{&row.Name}, row.columns()...)...)
		list = append(list, row)
		return err
	})
	return list, err
}

// Pairs returns the greatest pairs.
func (q *Query) Pairs(ctx context.Context, f *Filter, top int) ([]Pair, error) {
	var list []Pair
	query := `SELECT source, destination, source_name, destination_name, ` + sumNames + ` FROM vpn_traffic_pairs($1, $2, $3, $4, $5, $6, $7`
	if f.byBytes() {
		query += `, $8)`
	} else {
		query += `) ORDER BY ` + rank(f.Sort) + ` DESC NULLS LAST, source, destination LIMIT $8`
	}
	err := q.read(ctx, query, f, top, nil, func(scan scanner) error {
		var row Pair
		err := scan(append([]any{&row.Src, &row.Dst, &row.SrcName, &row.DstName}, row.columns()...)...)
		list = append(list, row)
		return err
	})
	return list, err
}

// Series returns traffic over time, in steps that are at least as long as step.
func (q *Query) Series(ctx context.Context, f *Filter, step time.Duration, by string, top int) ([]Point, error) {
	var list []Point
	more := []any{by, fmt.Sprintf("%d milliseconds", step.Milliseconds())}
	err := q.read(ctx, `SELECT time, name, seconds, `+sumNames+` FROM vpn_traffic_series($1, $2, $10::interval, $9, $3, $4, $5, $6, $7, $8)`, f, top, more, func(scan scanner) error {
		var row Point
		var seconds int
		err := scan(append([]any{&row.Time, &row.Name, &seconds}, row.columns()...)...)
		row.Step = time.Duration(seconds) * time.Second
		list = append(list, row)
		return err
	})
	return list, err
}

// Interval is the time between two reports of a gateway at the end of the range, 0
// where it is not known.
func (q *Query) Interval(ctx context.Context, f *Filter) (time.Duration, error) {
	seconds := 0
	err := q.tx.QueryRowContext(ctx, `SELECT coalesce(vpn_traffic_interval(least($1, now())), 0)`, f.Until).Scan(&seconds)
	if err != nil {
		return 0, fmt.Errorf("querying the database: %w", err)
	}
	return time.Duration(seconds) * time.Second, nil
}

type scanner func(...any) error

func (q *Query) read(ctx context.Context, query string, f *Filter, top int, more []any, row func(scanner) error) error {
	args := append([]any{
		f.Since, f.Until, pq.StringArray(f.Src), pq.StringArray(f.Dst), pq.StringArray(f.Proto), pq.StringArray(f.Port), pq.StringArray(f.Host), top,
	}, more...)
	rows, err := q.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("querying the database: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("reading the result: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the result: %w", err)
	}
	return nil
}

// sumNames are the functions' columns of sums.
const sumNames = `src_packets, src_bytes, dst_packets, dst_bytes, connection_count, connection_times, open_connections`

// columns are the sums in the order of sumNames.
func (s *Sums) columns() []any {
	return []any{&s.SrcPackets, &s.SrcBytes, &s.DstPackets, &s.DstBytes, &s.ConnectionCount, &s.ConnectionTimes, &s.OpenConnections}
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"github.com/lib/pq"
)

// rollupTable is a table of sums. It is known by time, host and columns.
type rollupTable struct {
	name    string
	columns []string
	level   string // minute or hour: one row for each key; "" for report: a late part adds its own
}

// rollupTables are all of them, in the order in which every import writes them.
var rollupTables = [...]rollupTable{
	{"vpn_traffic_by_src", []string{"src", "proto", "port"}, ""},
	{"vpn_traffic_by_dst", []string{"dst", "proto", "port"}, ""},
	{"vpn_traffic_by_port", []string{"proto", "port"}, ""},
	{"vpn_traffic_minute_by_src", []string{"src", "proto", "port"}, "minute"},
	{"vpn_traffic_minute_by_dst", []string{"dst", "proto", "port"}, "minute"},
	{"vpn_traffic_minute_by_port", []string{"proto", "port"}, "minute"},
	{"vpn_traffic_hour_by_src", []string{"src", "proto", "port"}, "hour"},
	{"vpn_traffic_hour_by_dst", []string{"dst", "proto", "port"}, "hour"},
	{"vpn_traffic_hour_by_port", []string{"proto", "port"}, "hour"},
	{"vpn_traffic_hour_by_pair", []string{"src", "dst"}, "hour"},
}

// text returns the value of a column of texts.
func (b *batch) text(k *key, column string) string {
	switch column {
	case "src":
		return b.texts[k.src]
	case "dst":
		return b.texts[k.dst]
	default:
		return b.texts[k.proto]
	}
}

// limit is the largest number of a column of sums. Those of connections have 32
// bits below the hour, which only rows add up to that no gateway has made.
func (t *rollupTable) limit(column string) int64 {
	if t.level != "hour" && (column == "connection_count" || column == "open_connections") {
		return math.MaxInt32
	}
	return math.MaxInt64
}

// fit has sums stop at what the table's columns can hold.
func (t *rollupTable) fit(rows []rollupRow) []rollupRow {
	connections, open := t.limit("connection_count"), t.limit("open_connections")
	for i := range rows {
		rows[i].counters[5] = min(rows[i].counters[5], connections)
		rows[i].open = min(rows[i].open, open)
	}
	return rows
}

// keys returns the names of the key's columns with a comma between them.
func (t *rollupTable) keys() string { return "time, host, " + strings.Join(t.columns, ", ") }

func (t *rollupTable) copyStatement() string {
	return fmt.Sprintf("COPY %s (%s, %s) FROM STDIN", t.name, t.keys(), strings.Join(sumColumns[:], ", "))
}

// mergeStatement adds rows, given as arrays of their columns, to those that are
// there. Its first parameter is the host.
func (t *rollupTable) mergeStatement() string {
	var arrays, add []string
	parameter := func(kind string) { arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(arrays)+2, kind)) }
	parameter("timestamptz")
	for _, column := range t.columns {
		if column == "port" {
			parameter("integer")
		} else {
			parameter("text")
		}
	}
	for _, column := range sumColumns[:6] {
		parameter("bigint")
		// As addUpTo adds.
		add = append(add, fmt.Sprintf("%[1]s = least(r.%[1]s, %[2]d - EXCLUDED.%[1]s) + EXCLUDED.%[1]s", column, t.limit(column)))
	}
	parameter("bigint")
	add = append(add, fmt.Sprintf("open_connections = coalesce(least(coalesce(r.open_connections, 0), %d - EXCLUDED.open_connections) + EXCLUDED.open_connections, r.open_connections)",
		t.limit("open_connections")))
	columns := strings.Join(t.columns, ", ")
	return fmt.Sprintf(`INSERT INTO %[1]s AS r (time, host, %[2]s, %[3]s)
		SELECT time, $1, %[2]s, %[3]s FROM unnest(%[4]s) AS n (time, %[2]s, %[3]s)
		ON CONFLICT (time, host, %[2]s) DO UPDATE SET %[5]s`,
		t.name, columns, strings.Join(sumColumns[:], ", "), strings.Join(arrays, ", "), strings.Join(add, ", "))
}

// merge adds rows to those that are there.
func (t *rollupTable) merge(ctx context.Context, tx *sql.Tx, b *batch, rows []rollupRow) error {
	args := []any{b.host, texts(rows, func(r *rollupRow) string { return string(appendTime(nil, r.us)) })}
	for _, column := range t.columns {
		if column == "port" {
			args = append(args, numbers(rows, func(r *rollupRow) int64 { return int64(r.port) }))
		} else {
			args = append(args, texts(rows, func(r *rollupRow) string { return b.text(&r.key, column) }))
		}
	}
	for i := range sumColumns[:6] {
		args = append(args, numbers(rows, func(r *rollupRow) int64 { return r.counters[i] }))
	}
	args = append(args, gauges(rows))
	_, err := tx.ExecContext(ctx, t.mergeStatement(), args...)
	return err
}

func texts(rows []rollupRow, of func(*rollupRow) string) pq.StringArray {
	list := make(pq.StringArray, len(rows))
	for i := range rows {
		list[i] = of(&rows[i])
	}
	return list
}

func numbers(rows []rollupRow, of func(*rollupRow) int64) pq.Int64Array {
	list := make(pq.Int64Array, len(rows))
	for i := range rows {
		list[i] = of(&rows[i])
	}
	return list
}

func gauges(rows []rollupRow) any {
	list := make([]sql.NullInt64, len(rows))
	for i := range rows {
		list[i] = sql.NullInt64{Int64: rows[i].open, Valid: rows[i].hasOpen}
	}
	return pq.Array(list)
}

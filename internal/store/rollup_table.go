package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"telegraf-conntrack-accounting/internal/schema"
)

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

// fit has sums stop at what the table's columns can hold.
func fit(t *schema.Rollup, rows []rollupRow) []rollupRow {
	connections, open := t.Limit("connection_count"), t.Limit("open_connections")
	for i := range rows {
		rows[i].counters[5] = min(rows[i].counters[5], connections)
		rows[i].open = min(rows[i].open, open)
	}
	return rows
}

func copyStatement(t *schema.Rollup) string {
	return fmt.Sprintf("COPY %s (%s, %s) FROM STDIN", t.Name, t.Key(), sumColumns)
}

// mergeStatement adds rows, given as arrays of their columns, to those that are
// there. Its first parameter is the host.
func mergeStatement(t *schema.Rollup) string {
	var arrays, add []string
	parameter := func(kind string) { arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(arrays)+2, kind)) }
	parameter("timestamptz")
	for _, column := range t.Columns {
		if column == "port" {
			parameter("integer")
		} else {
			parameter("text")
		}
	}
	for _, column := range schema.SumColumns[:6] {
		parameter("bigint")
		// As addUpTo adds.
		add = append(add, fmt.Sprintf("%[1]s = least(r.%[1]s, %[2]d - EXCLUDED.%[1]s) + EXCLUDED.%[1]s", column, t.Limit(column)))
	}
	parameter("bigint")
	add = append(add, fmt.Sprintf("open_connections = coalesce(least(coalesce(r.open_connections, 0), %d - EXCLUDED.open_connections) + EXCLUDED.open_connections, r.open_connections)",
		t.Limit("open_connections")))
	columns := strings.Join(t.Columns, ", ")
	return fmt.Sprintf(`INSERT INTO %[1]s AS r (time, host, %[2]s, %[3]s)
		SELECT time, $1, %[2]s, %[3]s FROM unnest(%[4]s) AS n (time, %[2]s, %[3]s)
		ON CONFLICT (time, host, %[2]s) DO UPDATE SET %[5]s`,
		t.Name, columns, sumColumns, strings.Join(arrays, ", "), strings.Join(add, ", "))
}

// mergeRollup adds rows to those that are there.
func mergeRollup(ctx context.Context, tx *sql.Tx, t *schema.Rollup, b *batch, rows []rollupRow) error {
	args := []any{b.host, columnOf(rows, func(r *rollupRow) string { return string(appendTime(nil, r.us)) })}
	for _, column := range t.Columns {
		if column == "port" {
			args = append(args, columnOf(rows, func(r *rollupRow) int64 { return int64(r.port) }))
		} else {
			args = append(args, columnOf(rows, func(r *rollupRow) string { return b.text(&r.key, column) }))
		}
	}
	for i := range schema.SumColumns[:6] {
		args = append(args, columnOf(rows, func(r *rollupRow) int64 { return r.counters[i] }))
	}
	args = append(args, columnOf(rows, func(r *rollupRow) sql.NullInt64 { return sql.NullInt64{Int64: r.open, Valid: r.hasOpen} }))
	_, err := tx.ExecContext(ctx, mergeStatement(t), args...)
	return err
}

// columnOf returns a column of rows.
func columnOf[T any](rows []rollupRow, of func(*rollupRow) T) []T {
	list := make([]T, len(rows))
	for i := range rows {
		list[i] = of(&rows[i])
	}
	return list
}

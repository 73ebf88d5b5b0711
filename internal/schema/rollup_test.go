package schema_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/testkit"
)

// columnsOf are the columns of a table and its primary key.
const columnsOf = `SELECT (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END, ', ' ORDER BY attname)
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
	coalesce((SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p'), 'REPLICA IDENTITY ' || relreplident::text),
	(SELECT string_agg(substring(pg_get_indexdef(indexrelid) FROM 'USING brin.*'), '; ') FROM pg_index WHERE indrelid = c.oid AND NOT indisprimary)
	FROM pg_class c WHERE oid = $1::regclass`

// The tables are those of the list, and nothing else is.
func TestRollupsAreThoseOfTheList(t *testing.T) {
	pg := testkit.Database(t)
	db, err := schema.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	direct := pg.DB()
	want := []string{"vpn_traffic day 100 raw"}
	all := schema.Rollups[:]
	for _, s := range schema.Summaries {
		all = append(all, s.Rollup)
	}
	for i, r := range all {
		line := fmt.Sprint(r.Name, " ", r.Level.Span, " ", r.Level.Filled, " ", r.Level.Retention)
		if n := i - len(schema.Rollups); n >= 0 {
			line += fmt.Sprint(" ", schema.Summaries[n].Unit, " ", r.Finer, " ", r.Level.Name, " ", strings.Join(r.Columns, ", "))
		}
		want = append(want, line)

		var columns, key, index string
		require.NoError(t, direct.QueryRow(columnsOf, r.Name).Scan(&columns, &key, &index), "a new rollup takes a migration that makes its table")
		require.Equal(t, columnsWanted(&r), columns, r.Name)
		require.Equal(t, keyWanted(&r), key, r.Name)
		require.Equal(t, `USING brin ("time") WITH (pages_per_range='16')`, index, r.Name)

		by := strings.TrimPrefix(r.Name[strings.Index(r.Name, "by_"):], "by_")
		level := r.Level.Name
		if strings.Contains(r.Name, "_total_") {
			level += "_total"
		}
		var name string
		require.NoError(t, direct.QueryRow(`SELECT vpn_traffic_table($1, $2)`, by, level).Scan(&name))
		require.Equal(t, r.Name, name, "questions find it by its kind and level")
	}
	var tables string
	require.NoError(t, direct.QueryRow(`SELECT string_agg(concat_ws(' ', name, span, filled, retention, unit, finer, level, keys), E'\n') FROM vpn_traffic_tables`).Scan(&tables))
	require.ElementsMatch(t, want, strings.Split(tables, "\n"), "vpn_traffic_tables, from which partitions and rights come")
}

func columnsWanted(r *schema.Rollup) string {
	columns := map[string]string{"time": "timestamp with time zone not null", "host": "text not null"}
	for _, column := range r.Columns {
		columns[column] = map[bool]string{true: "integer not null", false: "text not null"}[column == "port"]
	}
	for _, column := range schema.SumColumns {
		columns[column] = map[bool]string{true: "bigint", false: "integer"}[r.Limit(column) > 1<<32]
		if column != "open_connections" {
			columns[column] += " not null"
		}
	}
	list := make([]string, 0, len(columns))
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		list = append(list, column+" "+columns[column])
	}
	return strings.Join(list, ", ")
}

func keyWanted(r *schema.Rollup) string {
	if !r.Level.Merged() {
		return "REPLICA IDENTITY f"
	}
	return `PRIMARY KEY (` + strings.Join(r.Columns, ", ") + `, host, "time")`
}

package main

import (
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// frameOf reads rows into a data frame, with the types that Grafana's Postgres
// datasource gives: numbers are float64 where they are numeric, int64 where they
// are integers.
func frameOf(t testing.TB, rows *sql.Rows) *data.Frame {
	t.Helper()
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	frame := data.NewFrame("")
	for _, column := range types {
		frame.Fields = append(frame.Fields, emptyField(t, column))
	}
	for rows.Next() {
		values := make([]any, len(types))
		targets := make([]any, len(types))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		for i, field := range frame.Fields {
			field.Append(valueFor(t, field.Type(), values[i]))
		}
	}
	require.NoError(t, rows.Err())
	return frame
}

func emptyField(t testing.TB, column *sql.ColumnType) *data.Field {
	t.Helper()
	switch column.DatabaseTypeName() {
	case "TIMESTAMPTZ", "DATE":
		return data.NewField(column.Name(), nil, []*time.Time{})
	case "NUMERIC", "FLOAT8":
		return data.NewField(column.Name(), nil, []*float64{})
	case "INT4", "INT8":
		return data.NewField(column.Name(), nil, []*int64{})
	case "TEXT":
		return data.NewField(column.Name(), nil, []*string{})
	}
	require.Fail(t, "a column of unknown type", "%s %s", column.Name(), column.DatabaseTypeName())
	return nil
}

func valueFor(t testing.TB, kind data.FieldType, value any) any {
	t.Helper()
	switch kind {
	case data.FieldTypeNullableTime:
		return pointer[time.Time](value)
	case data.FieldTypeNullableInt64:
		return pointer[int64](value)
	case data.FieldTypeNullableString:
		return pointer[string](value)
	}
	switch number := value.(type) {
	case nil:
		return (*float64)(nil)
	case float64:
		return &number
	case []byte: // how lib/pq gives numeric
		f, err := strconv.ParseFloat(string(number), 64)
		require.NoError(t, err)
		return &f
	}
	require.Fail(t, "no number", "%T", value)
	return nil
}

func pointer[T any](value any) *T {
	if value == nil {
		return nil
	}
	v := value.(T)
	return &v
}

// wide makes of the answer to a time series query what Grafana makes of it: a
// field for each line, named as its legend is: by its only label, or as the panel
// has it.
func wide(t testing.TB, frame *data.Frame, p *panel) *data.Frame {
	t.Helper()
	if frame.Rows() == 0 {
		return data.NewFrame("")
	}
	for i, field := range frame.Fields {
		if field.Type() == data.FieldTypeNullableInt64 {
			floats := data.NewField(field.Name, nil, make([]*float64, field.Len()))
			for row := range field.Len() {
				if n := field.At(row).(*int64); n != nil {
					f := float64(*n)
					floats.Set(row, &f)
				}
			}
			frame.Fields[i] = floats
		}
	}
	schema := frame.TimeSeriesSchema()
	require.NotEqual(t, data.TimeSeriesTypeNot, schema.Type, "no time series")
	if schema.Type == data.TimeSeriesTypeLong {
		frame, err := data.LongToWide(frame, nil)
		require.NoError(t, err)
		for _, field := range frame.Fields {
			name, found := field.Labels["metric"]
			if found && len(field.Labels) > 1 {
				require.Equal(t, namedByMetric, p.Fields.Defaults["displayName"], p.Title)
			}
			if found {
				field.Name = name
			}
		}
		return frame
	}
	require.Equal(t, data.TimeSeriesTypeWide, frame.TimeSeriesSchema().Type)
	return frame
}

package main

import (
	"database/sql"
	"errors"
	"fmt"
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
	frame, err := readFrame(rows)
	require.NoError(t, err)
	return frame
}

func readFrame(rows *sql.Rows) (*data.Frame, error) {
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	frame := data.NewFrame("")
	for _, column := range types {
		field, err := emptyField(column)
		if err != nil {
			return nil, err
		}
		frame.Fields = append(frame.Fields, field)
	}
	for rows.Next() {
		values := make([]any, len(types))
		targets := make([]any, len(types))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		for i, field := range frame.Fields {
			value, err := valueFor(field.Type(), values[i])
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", field.Name, err)
			}
			field.Append(value)
		}
	}
	return frame, rows.Err()
}

func emptyField(column *sql.ColumnType) (*data.Field, error) {
	switch column.DatabaseTypeName() {
	case "TIMESTAMPTZ", "DATE":
		return data.NewField(column.Name(), nil, []*time.Time{}), nil
	case "NUMERIC", "FLOAT8":
		return data.NewField(column.Name(), nil, []*float64{}), nil
	case "INT4", "INT8":
		return data.NewField(column.Name(), nil, []*int64{}), nil
	case "TEXT":
		return data.NewField(column.Name(), nil, []*string{}), nil
	}
	return nil, fmt.Errorf("column %s is of the unknown type %s", column.Name(), column.DatabaseTypeName())
}

func valueFor(kind data.FieldType, value any) (any, error) {
	switch kind {
	case data.FieldTypeNullableTime:
		return pointer[time.Time](value), nil
	case data.FieldTypeNullableInt64:
		return pointer[int64](value), nil
	case data.FieldTypeNullableString:
		return pointer[string](value), nil
	}
	switch number := value.(type) {
	case nil:
		return (*float64)(nil), nil
	case float64:
		return &number, nil
	case []byte: // how lib/pq gives numeric
		f, err := strconv.ParseFloat(string(number), 64)
		return &f, err
	}
	return nil, fmt.Errorf("%T is no number", value)
}

func pointer[T any](value any) *T {
	if value == nil {
		return nil
	}
	v := value.(T)
	return &v
}

// wide makes of the answer to a time series query what Grafana makes of it, with
// each line named as its legend is: by its only label, or as the panel has it.
func wide(t testing.TB, frame *data.Frame, p *panel) *data.Frame {
	t.Helper()
	frame, err := timeSeries(frame)
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

// timeSeries makes of the answer to a time series query what Grafana's backend makes
// of it: numbers become floats, and texts labels, with a field for each line. A label
// metric that is the only one becomes the name of its line.
func timeSeries(frame *data.Frame) (*data.Frame, error) {
	if frame.Rows() == 0 {
		return data.NewFrame(""), nil
	}
	for i, field := range frame.Fields {
		if field.Type() == data.FieldTypeNullableInt64 {
			frame.Fields[i] = floatsOf(field)
		}
	}
	columns := len(frame.Fields)
	switch frame.TimeSeriesSchema().Type {
	case data.TimeSeriesTypeNot:
		return nil, errors.New("no time series")
	case data.TimeSeriesTypeWide:
		return frame, nil
	}
	frame, err := data.LongToWide(frame, nil)
	if err != nil {
		return nil, err
	}
	for _, field := range frame.Fields {
		if name, found := field.Labels["metric"]; found && columns == 3 {
			field.Name, field.Labels = name, nil
		}
	}
	return frame, nil
}

func floatsOf(field *data.Field) *data.Field {
	floats := data.NewField(field.Name, nil, make([]*float64, field.Len()))
	for row := range field.Len() {
		if n := field.At(row).(*int64); n != nil {
			f := float64(*n)
			floats.Set(row, &f)
		}
	}
	return floats
}

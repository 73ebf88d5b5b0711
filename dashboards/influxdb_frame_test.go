package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"telegraf-conntrack-accounting/internal/testkit"
)

var aliasUse = regexp.MustCompile(`\$(?:tag_(\w+)|col)`)

// influxName is what Grafana calls a line: the alias, or the series with its tags.
func influxName(s *testkit.Series, column int, alias string) string {
	if alias == "" {
		return fmt.Sprintf("%s.%s", s.Name, s.Columns[column])
	}
	return aliasUse.ReplaceAllStringFunc(alias, func(use string) string {
		if tag := aliasUse.FindStringSubmatch(use)[1]; tag != "" {
			return s.Tags[tag]
		}
		return s.Columns[column]
	})
}

// influxFrame makes a frame of a column of a series, as Grafana does.
func influxFrame(s *testkit.Series, column int, name string) (*data.Frame, error) {
	frame := data.NewFrame(name, data.NewField("Time", nil, []time.Time{}), data.NewField("Value", s.Tags, []*float64{}))
	for _, row := range s.Values {
		at, err := influxTime(row[0])
		number, wrong := influxNumber(row[column])
		if err := errors.Join(err, wrong); err != nil {
			return nil, err
		}
		frame.AppendRow(at, number)
	}
	return frame, nil
}

func influxTime(value any) (time.Time, error) {
	return time.Parse(time.RFC3339, fmt.Sprint(value))
}

// influxNumber returns nil for what is no number.
func influxNumber(value any) (*float64, error) {
	number, is := value.(json.Number)
	if !is {
		return nil, nil
	}
	f, err := number.Float64()
	return &f, err
}

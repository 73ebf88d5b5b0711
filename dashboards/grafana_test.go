package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// view is what Grafana knows when it asks: the range, and the chosen values of
// variables. A variable that is not chosen is All.
type view struct {
	from, to time.Time
	chosen   map[string][]string
}

// load reads a dashboard as Grafana would.
func load(t testing.TB, file string) *dashboard {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	d := &dashboard{}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(d))
	return d
}

// files returns the dashboards of a backend.
func files(backend string) (names []string) {
	for name := range all() {
		if strings.HasPrefix(name, backend+"/") {
			names = append(names, name)
		}
	}
	return names
}

var variableUse = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\$(\w+)`)

// interpolate replaces variables, as Grafana does before anything else. What is
// no variable stays: it is a macro.
func (v view) interpolate(t testing.TB, d *dashboard, text string, step time.Duration) string {
	t.Helper()
	return variableUse.ReplaceAllStringFunc(text, func(use string) string {
		parts := variableUse.FindStringSubmatch(use)
		name, format := parts[1]+parts[3], parts[2]
		switch name {
		case "__interval":
			return intervalText(step)
		case "__interval_ms":
			return strconv.FormatInt(step.Milliseconds(), 10)
		case "__from":
			return strconv.FormatInt(v.from.UnixMilli(), 10)
		case "__to":
			return strconv.FormatInt(v.to.UnixMilli(), 10)
		}
		for _, variable := range d.Templating.List {
			if variable.Name != name {
				continue
			}
			values := v.chosen[name]
			if value, ok := variable.Current["value"].(string); ok && values == nil && value != "$__all" {
				values = []string{value} // what is chosen to begin with
			}
			if values == nil {
				require.NotEmpty(t, variable.AllValue, "%s is not chosen", name)
				return variable.AllValue // which Grafana never formats
			}
			return formatValues(t, values, format)
		}
		return use
	})
}

func formatValues(t testing.TB, values []string, format string) string {
	t.Helper()
	switch format {
	case "sqlstring":
		quoted := make([]string, len(values))
		for i, value := range values {
			quoted[i] = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		}
		return strings.Join(quoted, ",")
	case "regex":
		quoted := make([]string, len(values))
		for i, value := range values {
			quoted[i] = regexp.MustCompile(`[.*+?^${}()|[\]\\/]`).ReplaceAllString(value, `\$0`)
		}
		if len(quoted) < 2 {
			return strings.Join(quoted, "")
		}
		return "(" + strings.Join(quoted, "|") + ")"
	case "":
		require.Len(t, values, 1)
		return values[0]
	}
	require.Fail(t, "unknown format", format)
	return ""
}

var macro = regexp.MustCompile(`\$(\w+)\(([^)]*)\)`)

// sql expands the macros of the Postgres datasource.
func (v view) sql(t testing.TB, d *dashboard, text string, step time.Duration) string {
	t.Helper()
	text, err := v.macros(v.interpolate(t, d, text, step))
	require.NoError(t, err)
	return text
}

func (v view) macros(text string) (string, error) {
	var err error
	quote := func(at time.Time) string { return "'" + at.UTC().Format(time.RFC3339Nano) + "'" }
	text = macro.ReplaceAllStringFunc(text, func(use string) string {
		parts := macro.FindStringSubmatch(use)
		switch parts[1] {
		case "__timeFrom":
			return quote(v.from)
		case "__timeTo":
			return quote(v.to)
		case "__timeFilter":
			return parts[2] + " BETWEEN " + quote(v.from) + " AND " + quote(v.to)
		}
		err = fmt.Errorf("unknown macro %s", use)
		return use
	})
	return text, err
}

// influxql expands what the InfluxDB datasource does.
func (v view) influxql(t testing.TB, d *dashboard, text string, step time.Duration) string {
	t.Helper()
	filter := fmt.Sprintf("time >= %dms and time <= %dms", v.from.UnixMilli(), v.to.UnixMilli())
	return v.interpolate(t, d, strings.ReplaceAll(text, "$timeFilter", filter), step)
}

// steps are the intervals that Grafana rounds to, and below which it takes each.
var steps = []struct{ below, step time.Duration }{
	{1500 * time.Millisecond, time.Second},
	{3500 * time.Millisecond, 2 * time.Second},
	{7500 * time.Millisecond, 5 * time.Second},
	{12500 * time.Millisecond, 10 * time.Second},
	{17500 * time.Millisecond, 15 * time.Second},
	{25 * time.Second, 20 * time.Second},
	{45 * time.Second, 30 * time.Second},
	{90 * time.Second, time.Minute},
	{210 * time.Second, 2 * time.Minute},
	{450 * time.Second, 5 * time.Minute},
	{750 * time.Second, 10 * time.Minute},
	{1050 * time.Second, 15 * time.Minute},
	{1500 * time.Second, 20 * time.Minute},
	{2700 * time.Second, 30 * time.Minute},
	{90 * time.Minute, time.Hour},
	{150 * time.Minute, 2 * time.Hour},
	{270 * time.Minute, 3 * time.Hour},
	{9 * time.Hour, 6 * time.Hour},
	{24 * time.Hour, 12 * time.Hour},
}

// interval is what $__interval is for a panel.
func (v view) interval(p *panel) time.Duration {
	points := 1000 // about as wide as a panel is on a screen
	if p.MaxDataPoints > 0 {
		points = p.MaxDataPoints
	}
	exact := v.to.Sub(v.from) / time.Duration(points)
	if least, err := time.ParseDuration(p.Interval); err == nil && exact < least {
		return least
	}
	for _, s := range steps {
		if exact < s.below {
			return s.step
		}
	}
	return 24 * time.Hour
}

func intervalText(step time.Duration) string {
	switch {
	case step%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", step/(24*time.Hour))
	case step%time.Hour == 0:
		return fmt.Sprintf("%dh", step/time.Hour)
	case step%time.Minute == 0:
		return fmt.Sprintf("%dm", step/time.Minute)
	}
	return fmt.Sprintf("%ds", step/time.Second)
}

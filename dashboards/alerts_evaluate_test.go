package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/expr"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// loadAlerts reads a file of alerts as Grafana would, but strictly.
func loadAlerts(t testing.TB, name string) alertFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("provisioning", "alerting", name))
	require.NoError(t, err)
	var file alertFile
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&file))
	return file
}

// rulesOf returns the rules of a file.
func rulesOf(t testing.TB, name string) (rules []ruleFile) {
	t.Helper()
	for _, g := range loadAlerts(t, name).Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// A labelled is what a query or an expression gives of each series: the values of a
// line, or a single number.
type labelled struct {
	labels map[string]string
	values []float64
}

func (l labelled) key() string {
	var values []string
	for _, label := range slices.Sorted(maps.Keys(l.labels)) {
		values = append(values, l.labels[label])
	}
	return strings.Join(values, " ")
}

// nothing stands for the instance that Grafana makes where there is nothing to compare.
const nothing = "no data"

// firing evaluates all rules of a file, as they are at a time, and returns the instances
// that fire by rule. ask queries the database.
func firing(t *testing.T, name string, now time.Time, ask func(v view, model object) []labelled) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, rule := range rulesOf(t, name) {
		if keys := rule.firing(t, func(model object) []labelled { return ask(rule.view(now), model) }); len(keys) > 0 {
			found[rule.UID] = keys
		}
	}
	return found
}

// view is the range that a rule asks about at a time.
func (rule ruleFile) view(now time.Time) view {
	return view{from: now.Add(-time.Duration(rule.Data[0].Window.From) * time.Second), to: now}
}

// firing evaluates a rule as Grafana does, and returns which of its instances fire.
func (rule ruleFile) firing(t *testing.T, ask func(model object) []labelled) (keys []string) {
	t.Helper()
	results := map[string][]labelled{}
	for _, step := range rule.Data {
		if step.Source != "__expr__" {
			results[step.RefID] = ask(step.Model)
			continue
		}
		results[step.RefID] = evaluate(t, step.Model, results)
	}
	for _, result := range results[rule.Condition] {
		require.Len(t, result.values, 1, "%s compares lines", rule.UID)
		rule.checkTexts(t, result.labels, results)
		if result.values[0] != 0 {
			keys = append(keys, result.key())
		}
	}
	if len(results[rule.Condition]) == 0 && rule.NoData == "Alerting" {
		keys = append(keys, nothing)
	}
	slices.Sort(keys)
	require.Equal(t, slices.Compact(slices.Clone(keys)), keys, "%s: two of the same labels", rule.UID)
	return keys
}

// evaluate knows as much of Grafana's expressions as the rules use, and refuses more.
func evaluate(t *testing.T, model object, results map[string][]labelled) []labelled {
	t.Helper()
	text, err := json.Marshal(model)
	require.NoError(t, err)
	switch model["type"] {
	case "reduce":
		var reduce expr.TypeReduce
		require.NoError(t, strictly(reduce.UnmarshalJSONStrict(text)))
		return each(results[reduce.Expression], func(values []float64) float64 { return reduceBy(t, reduce.Reducer, values) })
	case "threshold":
		var threshold expr.TypeThreshold
		require.NoError(t, strictly(threshold.UnmarshalJSONStrict(text)))
		require.Len(t, threshold.Conditions, 1)
		by := threshold.Conditions[0].Evaluator
		require.Len(t, by.Params, 1)
		return each(results[threshold.Expression], func(values []float64) float64 {
			require.Len(t, values, 1, "a line has to be reduced first")
			return compare(t, by.Type, values[0], by.Params[0])
		})
	case "math":
		var math expr.TypeMath
		require.NoError(t, strictly(math.UnmarshalJSONStrict(text)))
		require.Equal(t, "$B / $Q", math.Expression)
		return divide(results["B"], results["Q"])
	}
	require.Fail(t, "unknown expression", "%v", model)
	return nil
}

// strictly makes no error of an empty list of them, which is what the schema's package
// returns where all is well.
func strictly(err error) error {
	if errs := cog.BuildErrors(nil); errors.As(err, &errs) && len(errs) == 0 {
		return nil
	}
	return err
}

func each(series []labelled, number func(values []float64) float64) (numbers []labelled) {
	for _, s := range series {
		numbers = append(numbers, labelled{s.labels, []float64{number(s.values)}})
	}
	return numbers
}

func reduceBy(t *testing.T, reducer expr.TypeReduceReducer, values []float64) (sum float64) {
	t.Helper()
	require.NotEmpty(t, values)
	for _, value := range values {
		sum += value
	}
	switch reducer {
	case expr.TypeReduceReducerLast:
		return values[len(values)-1]
	case expr.TypeReduceReducerMean:
		return sum / float64(len(values))
	case expr.TypeReduceReducerSum:
		return sum
	}
	require.Fail(t, "unknown reducer", "%s", reducer)
	return 0
}

func compare(t *testing.T, by expr.ExprTypeThresholdConditionsEvaluatorType, value, limit float64) float64 {
	t.Helper()
	var fires bool
	switch by {
	case expr.ExprTypeThresholdConditionsEvaluatorTypeGt:
		fires = value > limit
	case expr.ExprTypeThresholdConditionsEvaluatorTypeLt:
		fires = value < limit
	default:
		require.Fail(t, "unknown comparison", "%s", by)
	}
	if fires {
		return 1
	}
	return 0
}

// divide joins by equal labels, and leaves out what has no counterpart.
func divide(dividends, divisors []labelled) (numbers []labelled) {
	for _, a := range dividends {
		for _, b := range divisors {
			if maps.Equal(a.labels, b.labels) {
				numbers = append(numbers, labelled{a.labels, []float64{a.values[0] / b.values[0]}})
			}
		}
	}
	return numbers
}

// checkTexts fills in the annotations of an instance: each label and value that they
// name has to be there.
func (rule ruleFile) checkTexts(t *testing.T, labels map[string]string, results map[string][]labelled) {
	t.Helper()
	type value struct{ Value float64 }
	values := map[string]value{}
	for ref, numbers := range results {
		for _, n := range numbers {
			if maps.Equal(n.labels, labels) && len(n.values) == 1 {
				values[ref] = value{n.values[0]}
			}
		}
	}
	text := func(v float64) string { return fmt.Sprint(v) }
	functions := template.FuncMap{"humanize": text, "humanizeDuration": text, "humanizePercentage": text}
	for name, annotation := range rule.Annotations {
		parsed, err := template.New(name).Option("missingkey=error").Funcs(functions).
			Parse(`{{- $labels := .labels -}}{{- $values := .values -}}` + annotation)
		require.NoError(t, err, rule.UID)
		require.NoError(t, parsed.Execute(&strings.Builder{}, map[string]any{"labels": labels, "values": values}), rule.UID)
	}
}

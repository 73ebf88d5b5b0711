package main

import (
	"maps"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// expression is the source of what Grafana computes itself.
var expression = &source{Type: "__expr__", UID: "__expr__"}

// rule is an alert as Grafana has it: the query A, one number of each line, and the
// comparison. C is the condition, and value the step that it compares.
func (a alert) rule(from *source) ruleFile {
	steps := []ruleQuery{a.step("A", from, a.query)}
	value := "A"
	if a.reduce != "" {
		steps = append(steps, a.step("B", expression, reduction("A", a.reduce)))
		value = "B"
	}
	if a.per != nil {
		steps = append(steps, a.step("P", from, a.per), a.step("Q", expression, reduction("P", a.reduce)),
			a.step("D", expression, object{"type": "math", "expression": "$B / $Q"}))
		value = "D"
	}
	steps = append(steps, a.step("C", expression, object{
		"type": "threshold", "expression": value,
		"conditions": []object{{"evaluator": object{"type": a.evaluator, "params": numberWithUnit(a.threshold, a.unit)}}},
	}))
	return ruleFile{
		UID: "conntrack-" + a.id, Title: a.title, Condition: "C", Data: steps,
		NoData: a.noData, OnError: a.onError, For: a.hold,
		Annotations: map[string]string{"summary": a.summary, "description": a.remedy, "runbook": "docs/" + a.runbook},
		Labels:      map[string]string{"severity": a.severity},
	}
}

// step is one of a rule's queries or expressions.
func (a alert) step(ref string, from *source, query object) ruleQuery {
	model := object{"refId": ref, "datasource": object{"type": from.Type, "uid": from.UID}}
	maps.Copy(model, query)
	step := ruleQuery{RefID: ref, Source: from.UID, Model: model}
	step.Window.From = int(a.window.Seconds())
	return step
}

// reduction makes a number of each line. A value that is missing or no number does not
// count.
func reduction(of, by string) object {
	return object{"type": "reduce", "expression": of, "reducer": by, "settings": object{"mode": "dropNN"}}
}

// numberWithUnit is the list of one number that a threshold takes, and a comment.
func numberWithUnit(number float64, unit string) *yaml.Node {
	text := strconv.FormatFloat(number, 'f', -1, 64)
	return &yaml.Node{
		Kind: yaml.SequenceNode, Style: yaml.FlowStyle, LineComment: unit,
		Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: text}},
	}
}

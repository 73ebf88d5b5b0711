package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// An alert asks for a number of each gateway, source or sink, and compares it. Grafana
// keeps the state of each apart, by its labels.
type alert struct {
	id, title string
	query     object        // A
	per       object        // what the sum of A is divided by, if anything
	window    time.Duration // that the queries are about, up to now
	reduce    string        // how a line becomes a number; a table has numbers already
	evaluator string        // gt or lt
	threshold float64
	unit      string // of the threshold, for those who change it
	hold      string // for how long it has to be so
	noData    string // the state when there is nothing to compare
	onError   string // the state when the database does not answer
	severity  string // critical, warning, info
	summary   string
	remedy    string
	runbook   string // the heading that has more
}

func newAlert(id, title string, window time.Duration, query object) alert {
	return alert{id: id, title: title, query: query, window: window, evaluator: "gt", hold: "0s", noData: "OK", onError: "Error"}
}

func (a alert) over(threshold float64, unit string) alert {
	a.threshold, a.unit = threshold, unit
	return a
}

func (a alert) lasting(hold string) alert {
	a.hold = hold
	return a
}

// insistent makes no answer a reason to alert, too.
func (a alert) insistent() alert {
	a.noData, a.onError = "Alerting", "Alerting"
	return a
}

// says gives an alert its words.
func (a alert) says(severity, summary, remedy, runbook string) alert {
	a.severity, a.summary, a.remedy, a.runbook = severity, summary, remedy, runbook
	return a
}

type alertGroup struct {
	name, interval string
	source         *source // with the uid that provisioning/datasources has
	alerts         []alert
}

// What Grafana's file provisioning reads.
type alertFile struct {
	Version int             `yaml:"apiVersion"`
	Groups  []ruleGroupFile `yaml:"groups"`
}

type ruleGroupFile struct {
	Org      int        `yaml:"orgId"`
	Name     string     `yaml:"name"`
	Folder   string     `yaml:"folder"`
	Interval string     `yaml:"interval"`
	Rules    []ruleFile `yaml:"rules"`
}

type ruleFile struct {
	UID         string            `yaml:"uid"`
	Title       string            `yaml:"title"`
	Condition   string            `yaml:"condition"`
	Data        []ruleQuery       `yaml:"data"`
	NoData      string            `yaml:"noDataState"`
	OnError     string            `yaml:"execErrState"`
	For         string            `yaml:"for"`
	Annotations map[string]string `yaml:"annotations"`
	Labels      map[string]string `yaml:"labels"`
}

type ruleQuery struct {
	RefID  string `yaml:"refId"`
	Window struct {
		From int `yaml:"from"` // seconds ago
		To   int `yaml:"to"`
	} `yaml:"relativeTimeRange"`
	Source string `yaml:"datasourceUid"`
	Model  object `yaml:"model"`
}

// alertFiles returns the files below provisioning/alerting.
func alertFiles() map[string][]alertGroup {
	return map[string][]alertGroup{
		"conntrack-accounting-postgres.yaml": postgresAlerts(),
		"conntrack-accounting-influxdb.yaml": influxAlerts(),
	}
}

func writeAlerts(dir string) error {
	dir = filepath.Join(dir, "provisioning", "alerting")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of alerts: %w", err)
	}
	for name, groups := range alertFiles() {
		text, err := encodeAlerts(groups)
		if err != nil {
			return fmt.Errorf("encoding %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

const alertHeader = `# For /etc/grafana/provisioning/alerting, with provisioning/datasources beside it.
# docs/operations.md, "What to watch", describes the rules. Change the numbers with a
# comment as you need; the rest is generated. Who is notified is up to your contact
# points and policies: each rule has the label severity (critical, warning, info).
`

func encodeAlerts(groups []alertGroup) ([]byte, error) {
	file := alertFile{Version: 1}
	for _, g := range groups {
		rules := ruleGroupFile{Org: 1, Name: g.name, Folder: "Traffic", Interval: g.interval}
		for _, a := range g.alerts {
			rules.Rules = append(rules.Rules, a.rule(g.source))
		}
		file.Groups = append(file.Groups, rules)
	}
	text := bytes.NewBufferString(alertHeader)
	encoder := yaml.NewEncoder(text)
	encoder.SetIndent(2)
	if err := encoder.Encode(file); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

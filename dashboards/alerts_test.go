package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"telegraf-conntrack-accounting/internal/testkit"
)

// What is committed is what the program writes.
func TestAlertsAreCurrent(t *testing.T) {
	for name, groups := range alertFiles() {
		want, err := encodeAlerts(groups)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("provisioning", "alerting", name))
		require.NoError(t, err, "run: go run -C dashboards .")
		require.Equal(t, string(want), string(got), "%s is not current, run: go run -C dashboards .", name)
	}
}

// Grafana publishes the schema of a rule as its API takes it. The file has no more than
// that but for the names, which are of its group.
func TestAlertsFitTheSchema(t *testing.T) {
	fits := func(rule map[string]any, group string) error {
		rule["folderUID"], rule["ruleGroup"], rule["orgID"] = "folder", group, 1
		text, err := json.Marshal(rule)
		require.NoError(t, err)
		var typed alerting.Rule
		if err := strictly(typed.UnmarshalJSONStrict(text)); err != nil {
			return err
		}
		return typed.Validate()
	}
	uids, titles := map[string]bool{}, map[string]bool{}
	for name := range alertFiles() {
		for _, g := range loadAlerts(t, name).Groups {
			interval, err := time.ParseDuration(g.Interval)
			require.NoError(t, err)
			require.Zero(t, interval%(10*time.Second), "Grafana evaluates every ten seconds")
			for _, rule := range g.Rules {
				require.NoError(t, fits(generic(t, rule), g.Name), rule.UID)
				require.LessOrEqual(t, len(rule.UID), 40, "Grafana takes no longer uid: %s", rule.UID)
				require.False(t, uids[rule.UID] || titles[rule.Title], "%s is there twice", rule.UID)
				require.Contains(t, []string{"Alerting", "OK"}, rule.NoData)
				require.Contains(t, []string{"Alerting", "Error"}, rule.OnError)
				require.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"])
				require.Regexp(t, `\{\{ \$labels\.`, rule.Annotations["summary"], rule.UID)
				require.NotEmpty(t, rule.Annotations["description"], rule.UID)
				require.NotContains(t, rule.Title+g.Name+g.Folder, "$", "Grafana puts variables of its environment there")
				uids[rule.UID], titles[rule.Title] = true, true
			}
		}
	}
	bad := generic(t, rulesOf(t, "conntrack-accounting-postgres.yaml")[0])
	bad["noDataStates"] = "OK"
	require.ErrorContains(t, fits(bad, ""), "noDataStates")
}

func generic(t *testing.T, rule ruleFile) (fields map[string]any) {
	t.Helper()
	text, err := yaml.Marshal(rule)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &fields))
	return fields
}

// Rules are about the datasources that are provisioned.
func TestAlertsHaveTheirDatasource(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("provisioning", "datasources", "conntrack-accounting.yaml"))
	require.NoError(t, err)
	for name := range alertFiles() {
		for _, rule := range rulesOf(t, name) {
			for _, step := range rule.Data {
				source := step.Model["datasource"].(object)
				require.Equal(t, step.Source, source["uid"])
				if step.Source != "__expr__" {
					require.Contains(t, string(text), "uid: "+step.Source+"\n    type: "+source["type"].(string)+"\n")
				}
			}
		}
	}
}

// Each row of "What to watch" has its rule, each rule is listed, and leads to a heading.
func TestAlertsAreDescribed(t *testing.T) {
	root := testkit.Root(t)
	operations, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(operations), "\n## What to watch\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	queries := ""
	for name := range alertFiles() {
		for _, rule := range rulesOf(t, name) {
			queries += rule.Data[0].Model.text()
			require.Contains(t, section, "`"+strings.TrimPrefix(rule.UID, "conntrack-")+"`")
			requireHeading(t, root, rule.Annotations["runbook"])
		}
	}
	rows := regexp.MustCompile("(?m)^\\| (`[a-z_]+`.*?) \\|.*$").FindAllStringSubmatch(section, -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		for _, field := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			require.Contains(t, queries, `"`+field[1]+`"`, "no rule asks for it")
		}
	}
}

func (model object) text() string {
	if query, ok := model["query"].(string); ok {
		return query
	}
	return model["rawSql"].(string)
}

var quoted = regexp.MustCompile(`"(\w+)"`)

var noSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// requireHeading looks for a heading as GitHub calls it in links.
func requireHeading(t *testing.T, root, place string) {
	t.Helper()
	file, slug, _ := strings.Cut(place, "#")
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		title, isHeading := strings.CutPrefix(strings.TrimLeft(strings.TrimSpace(line), "#"), " ")
		if isHeading && strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(title), ""), " ", "-") == slug {
			return
		}
	}
	require.Fail(t, "no such heading", place)
}

package docs_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// runBy names what runs the commands below each heading: a test that reads them from
// there, or does the same; or make, whose targets are the command.
var runBy = map[string]string{
	"README.md: Install":               "TestReadmeInstalls",
	"README.md: Into Postgres":         "TestReadmeInstalls",
	"README.md: Try it, and test it":   "TestRun", // and make test, by whoever runs this one
	"README.md: Build from source":     "TestInstall",
	"docs/comparison.md: Comparison":   "make bench",
	"docs/performance.md: Performance": "make bench",

	"docs/operations.md: Roles":                                 "TestRecipes",
	"docs/operations.md: Checking a set-up":                     "TestReadmeInstalls",
	"docs/operations.md: Ways into Postgres":                    "TestRecipes",
	"docs/operations.md: Compiled into Telegraf":                "TestCompiledIntoTelegraf",
	"docs/operations.md: Traffic that conntrack does not count": "TestRecipes",
	"docs/operations.md: Who scanned":                           "TestRecipes",
	"docs/operations.md: A month as CSV":                        "TestRecipes",
	"docs/operations.md: Deleting a customer":                   "TestRecipes",
	"docs/operations.md: Backup and restore":                    "TestRecipes",
	"docs/operations.md: Moving Postgres to another host":       "TestRecipes",
	"docs/operations.md: Upgrading":                             "TestRecipes",
	"docs/operations.md: Uninstalling":                          "TestRecipes",

	"docs/dashboards.md: Setting up":             "TestRecipes",
	"docs/dashboards.md: Sums in InfluxDB 1":     "TestInfluxDBPanels",
	"docs/dashboards.md: Changing them":          "TestDashboardsAreCurrent",
	"docs/dashboards.md: A look without Grafana": "TestRecipes",
	"docs/dashboards.md: Live on a terminal":     "TestTopInATerminal",
	"docs/dashboards.md: As CSV":                 "TestRecipes",

	"docs/database.md: Is it all right?":             "TestRecipes",
	"docs/database.md: Forgetting":                   "TestRecipes",
	"docs/database.md: Upgrade from the old table":   "TestRecipes",
	"docs/floods.md: The kernel":                     "TestRecipes",
	"docs/migration.md: History":                     "TestRecipes",
	"docs/scale.md: More than one database":          "TestHeadReader",
	"docs/scale.md: Postgres that fails over":        "TestFailovers",
	"docs/scale.md: After a failover that lost rows": "TestAFailoverThatLosesRows",
	"plugins/outputs/vpn_traffic/README.md: Metrics": "TestRecipes",
	"plugins/outputs/vpn_traffic/README.md: History": "TestRecipes",
}

// TestCommandsAreRun looks below each heading of what operators read for commands that
// nothing runs.
func TestCommandsAreRun(t *testing.T) {
	root := testkit.Root(t)
	var code strings.Builder
	for path, text := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") {
			code.WriteString(text)
		}
	}
	block := regexp.MustCompile("(?ms)^#+ ([^\n]+)$|^```(\\w*)\n.*?^```")
	found := map[string]bool{}
	for path, text := range files(t, ".md") {
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		if name == "CONTRIBUTING.md" { // those of a developer
			continue
		}
		title := ""
		for _, part := range block.FindAllStringSubmatch(text, -1) {
			if part[1] != "" {
				title = part[1]
			}
			if part[2] == "sh" {
				found[name+": "+title] = true
			}
		}
	}
	for place := range found {
		require.Contains(t, runBy, place, "which test runs these commands?")
	}
	for place, test := range runBy {
		require.Contains(t, found, place, "there are no commands any more")
		if test != "make bench" {
			require.Contains(t, code.String(), "func "+test+"(", place)
		}
	}
}

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Each row of the table of failures is a test of the same name, and the other way round.
func TestEachFailureOfTheDocumentHappens(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs/scale.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| failure | lost | meanwhile |\n|---|---|---|\n")
	require.True(t, found)
	table, _, found = strings.Cut(table, "\n\n")
	require.True(t, found)
	var described, tested []string
	for row := range strings.Lines(table) {
		described = append(described, strings.TrimSpace(strings.Split(row, "|")[1]))
	}
	for _, f := range failures {
		tested = append(tested, f.name)
	}
	for _, s := range scenes {
		tested = append(tested, s.name)
	}
	require.ElementsMatch(t, described, tested)
}

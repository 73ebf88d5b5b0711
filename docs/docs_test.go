// Package docs_test checks that the documents lead to what they name: files,
// headings, and tests.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// files returns the paths of the repository's files with an extension, and what
// they hold.
func files(t *testing.T, extension string) map[string]string {
	t.Helper()
	root, found := testkit.Root(t), make(map[string]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "build" || entry.Name() == ".git"):
			return filepath.SkipDir
		case filepath.Ext(path) != extension:
			return nil
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	}))
	require.NotEmpty(t, found)
	return found
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	codes   = regexp.MustCompile("(?s)```.*?```")
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// slugs returns what the headings of a document are called in links.
func slugs(text string) map[string]bool {
	all := make(map[string]bool)
	for _, found := range heading.FindAllStringSubmatch(codes.ReplaceAllString(text, ""), -1) {
		title := link.ReplaceAllString(strings.ToLower(found[1]), "")
		all[strings.ReplaceAll(noSlug.ReplaceAllString(title, ""), " ", "-")] = true
	}
	return all
}

func TestLinks(t *testing.T) {
	documents := files(t, ".md")
	for path, text := range documents {
		for _, found := range link.FindAllStringSubmatch(codes.ReplaceAllString(text, ""), -1) {
			target, fragment, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
				_, err := os.Stat(to)
				require.NoError(t, err, "%s links to %s", path, found[1])
			}
			if fragment != "" {
				require.True(t, slugs(documents[to])[fragment], "%s links to %s, and there is no such heading", path, found[1])
			}
		}
	}
}

// TestNamedTestsExist looks for each test that a document names as what shows
// something.
func TestNamedTestsExist(t *testing.T) {
	var code strings.Builder
	for path, text := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") {
			code.WriteString(text)
		}
	}
	named := regexp.MustCompile("`(Test\\w+)(?:/(\\w+))?`")
	for path, text := range files(t, ".md") {
		for _, found := range named.FindAllStringSubmatch(text, -1) {
			require.Contains(t, code.String(), "func "+found[1]+"(", "%s names a test", path)
			if found[2] != "" {
				require.Regexp(t, `(?i)"`+found[2]+`"|func test`+found[2]+`\(`, code.String(), "%s names %s", path, found[0])
			}
		}
	}
}

// TestDependenciesAreExplained compares docs/internals.md with the direct requirements
// of go.mod, whose paths it shortens.
func TestDependenciesAreExplained(t *testing.T) {
	root := testkit.Root(t)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", "internals.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "## What it is built on\n")
	require.True(t, found)
	direct := regexp.MustCompile(`(?m)^\t(?:github\.com/)?(\S+?)(?:/v\d+)? v\S+$`)
	var modules []string
	for _, module := range direct.FindAllStringSubmatch(string(mod), -1) {
		modules = append(modules, module[1])
		require.Contains(t, section, "`"+module[1], "docs/internals.md says what %s is for", module[1])
	}
	require.NotEmpty(t, modules)
	row := regexp.MustCompile(`(?m)^\| (` + "`.*?`" + `) \|`)
	for _, cell := range row.FindAllStringSubmatch(section, -1) {
		for _, name := range strings.Split(cell[1], ", ") {
			name = strings.Trim(name, "`")
			require.True(t, slices.ContainsFunc(modules, func(module string) bool {
				return name == module || strings.HasPrefix(name, module+"/")
			}), "docs/internals.md explains %s, which go.mod does not require", name)
		}
	}
}

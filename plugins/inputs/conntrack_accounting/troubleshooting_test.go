package conntrack_accounting

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each warning and error of the log has its heading in docs/troubleshooting.md,
// and each heading is of something that the code logs or finds.
func TestTroubleshootingNamesEachMessage(t *testing.T) {
	headings := readHeadings(t, filepath.Join("..", "..", "..", "docs", "troubleshooting.md"))
	require.NotEmpty(t, headings)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range []string{"input.go", "silence.go", "watch.go"} {
		files = append(files, filepath.Join("..", "..", "..", "internal", "execd", name))
	}
	messages, texts := readMessages(t, files)
	more, err := filepath.Glob(filepath.Join("..", "..", "..", "internal", "*", "*.go"))
	require.NoError(t, err)
	_, others := readMessages(t, more)
	texts = append(texts, others...)

	require.Greater(t, len(messages), 20)
	for _, message := range messages {
		require.True(t, slices.ContainsFunc(headings, func(h heading) bool { return h.pattern.MatchString(message) }),
			"docs/troubleshooting.md has no heading for %q", message)
	}
	for _, h := range headings {
		require.True(t, slices.ContainsFunc(texts, h.pattern.MatchString), "nothing logs %q, a heading of docs/troubleshooting.md", h.text)
	}
}

type heading struct {
	text    string
	pattern *regexp.Regexp // of messages that begin so; "…" is anything
}

func readHeadings(t *testing.T, file string) (headings []heading) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(title), "…", ".*")
			headings = append(headings, heading{title, regexp.MustCompile(pattern)})
		}
	}
	return headings
}

// readMessages returns the formats of what the files log as warnings and errors, or
// find, and all of their texts.
func readMessages(t *testing.T, files []string) (messages, texts []string) {
	t.Helper()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				texts = append(texts, textOf(n))
			case *ast.CallExpr:
				if format := formatOf(n); format != "" {
					messages = append(messages, format)
				}
			}
			return true
		})
	}
	return messages, texts
}

// formatOf returns the format of a call that logs or finds something, "" for others.
func formatOf(call *ast.CallExpr) string {
	at := 0
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		if !slices.Contains([]string{"warning", "failure", "notice", "mended"}, fun.Name) {
			return ""
		}
		at = 1
	case *ast.SelectorExpr:
		if name := fun.Sel.Name; name != "Warnf" && name != "Errorf" || !isLog(fun.X) {
			return ""
		}
	default:
		return ""
	}
	literal, ok := call.Args[at].(*ast.BasicLit)
	if !ok || textOf(literal) == "%s" { // of a finding, whose own text is one
		return ""
	}
	return textOf(literal)
}

// isLog reports whether an expression is a logger, not the package fmt.
func isLog(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	case *ast.Ident:
		return x.Name == "log"
	}
	return false
}

func textOf(literal *ast.BasicLit) string {
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return text
}

package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// The changelog's newest section is that of the version in the making, or has no version
// yet; that of a release has its version and its day.
func TestChangelogIsOfThisVersion(t *testing.T) {
	root := testkit.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	require.NoError(t, err)
	newest := regexp.MustCompile(`(?m)^## (.*)$`).FindStringSubmatch(string(text))
	require.NotNil(t, newest)
	version, _, snapshot := strings.Cut(strings.TrimSpace(run(t, filepath.Join(root, "scripts/version"))), "-")
	if snapshot && newest[1] == "Unreleased" {
		return
	}
	require.Regexp(t, `^`+regexp.QuoteMeta(version)+` - \d{4}-\d{2}-\d{2}$`, newest[1])
}

// A tag's commit has the tag's version, and no other commit has.
func TestVersionOfATag(t *testing.T) {
	testkit.Need(t, "git")
	clone := filepath.Join(t.TempDir(), "clone")
	git := func(args ...string) {
		run(t, "git", append([]string{"-C", clone, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
	}
	version := func() string { return strings.TrimSpace(run(t, filepath.Join(clone, "scripts/version"))) }
	run(t, "git", "init", "-q", clone)
	script, err := os.ReadFile(filepath.Join(testkit.Root(t), "scripts/version"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(clone, "scripts"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(clone, "scripts/version"), script, 0o700))
	git("add", ".")
	git("commit", "-q", "-m", "one")
	require.Regexp(t, `^\d+\.\d+\.\d+-git\d{8}T\d{4}\.[0-9a-f]+$`, version())
	git("tag", "v1.0.0")
	require.Equal(t, "1.0.0", version())
	require.NoError(t, os.WriteFile(filepath.Join(clone, "scripts/version"), append(script, '\n'), 0o700))
	require.Contains(t, version(), "-git", "it has changed since")
	git("commit", "-q", "-a", "-m", "two")
	require.NotEqual(t, "1.0.0", version())
}

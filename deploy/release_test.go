package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// release builds a release for amd64 of the tree at root into a folder. Neither umask nor
// time zone matter.
func release(t *testing.T, root, folder, version, umask string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `umask "$0" && exec "$@"`, umask, filepath.Join(root, "scripts/release"), folder, "amd64")
	cmd.Env = append(os.Environ(), "VERSION="+version, "TZ=UTC-"+umask)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "version"), []byte(version), 0o600))
}

// copyTree copies the tree into another folder, where all files are much older.
func copyTree(t *testing.T) (copied string) {
	t.Helper()
	root := testkit.Root(t)
	copied = filepath.Join(t.TempDir(), "another folder")
	run(t, "git", "clone", "--quiet", "--no-checkout", root, copied)
	const script = `cd "$0" && umask 077
git ls-files -z --cached --others --exclude-standard | tar -c --null --no-recursion --ignore-failed-read -T - | tar -C "$1" -x --no-same-permissions
git -C "$1" reset --quiet
if [ -e build/goroot ]; then mkdir -p "$1/build" && cp -P build/goroot "$1/build/"; fi
find "$1" -path "$1/.git" -prune -o -exec touch -h -d 2001-01-01 {} +`
	run(t, "sh", "-euc", script, root, copied)
	return copied
}

// sums returns the checksums of a release.
func sums(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	require.NoError(t, err)
	return string(text)
}

// What README.md says is what scripts/release builds.
func TestArchitectures(t *testing.T) {
	root := testkit.Root(t)
	script, err := os.ReadFile(filepath.Join(root, "scripts/release"))
	require.NoError(t, err)
	_, list, found := strings.Cut(string(script), "\narchitectures=(")
	require.True(t, found)
	list, _, _ = strings.Cut(list, ")")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	require.Contains(t, strings.Join(strings.Fields(string(readme)), " "), "("+strings.ReplaceAll(list, " ", ", ")+")")
}
